"""The fixture `lback`, which runs each command in a new process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.fork_server import ForkServer


class Finished(NamedTuple):
    """Exit status, stdout and stderr of `lback`, comparable with a tuple."""

    status: int
    out: str
    err: str

    @property
    def result(self) -> Any:
        """Return the JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        """Return the error in the only JSON object on stderr."""
        return json.loads(self.err)["error"]


def in_one_line(error: Mapping[str, str | None]) -> str:
    """Return the message of an error in JSON, and its hint after it."""
    return " ".join(filter(None, (error["message"], error["hint"])))


@dataclass(frozen=True)
class InstalledCommand:
    """Runs each `lback` in a new process: ``lback("user", "list", input=, **variables)``.

    *environment* only selects the cheapest Argon2. Home, configuration and data are in *directory*, which is also
    the current one. A keyword in capitals sets a variable for that run. A call forks the process from *forks*, unless
    it has options of `subprocess.Popen`; `start` runs the installed script.
    """

    directory: Path
    environment: dict[str, str]
    forks: ForkServer

    def __call__(self, *arguments: str | bytes, input: str | bytes = b"", **options: Any) -> Finished:  # noqa: A002
        raw = input.encode("utf-8", "surrogateescape") if isinstance(input, str) else input
        environment = self.environment | {name: str(value) for name, value in options.items() if name.isupper()}
        if all(map(str.isupper, options)) and self.forks.accepts(environment):
            status, *outputs = self.forks.run(arguments, environment=environment, directory=self.directory, stdin=raw)
            return Finished(status, *(output.decode("utf-8", "replace") for output in outputs))
        process = self.start(*arguments, **{"stdin": subprocess.PIPE} | options)
        try:
            out, err = process.communicate(None if "stdin" in options else raw, timeout=60)
        finally:
            process.kill()
            process.wait()
        return Finished(process.returncode, *(("" if s is None else s.decode("utf-8", "replace")) for s in (out, err)))

    def start(self, *arguments: str | bytes, **options: Any) -> "subprocess.Popen[bytes]":
        """Start it; keywords in capitals are variables, others are those of `subprocess.Popen`."""
        variables = {name: str(options.pop(name)) for name in list(options) if name.isupper()}
        # A test run under nohup ignores the hang-up, and a child would inherit that.
        hear = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)}
        streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | hear | options
        environment = self.environment | variables
        return subprocess.Popen([self.program, *arguments], env=environment, cwd=self.directory, **streams)

    @property
    def program(self) -> str:
        """The path of the installed `lback`."""
        return str(Path(sys.executable).with_name("lback"))

    @property
    def database(self) -> Path:
        """The SQLite file that is used where none is configured."""
        return self.directory / "data" / "lback" / "lback.db"

    @property
    def mails(self) -> list[EmailMessage]:
        """Return the mails of transport ``file``, oldest first."""
        files = sorted((self.database.parent / "mail").glob("*.eml"))
        return [message_from_bytes(file.read_bytes(), policy=default_policy) for file in files]


@pytest.fixture(scope="session")
def fork_server() -> Iterator[ForkServer]:
    """The process that runs commands by forking."""
    server = ForkServer()
    yield server
    server.close()


def environment_in(directory: Path) -> dict[str, str]:
    """Return the environment of a command whose home is *directory*."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(directory),
        "XDG_CONFIG_HOME": str(directory / "config"),
        "XDG_DATA_HOME": str(directory / "data"),
        "XDG_STATE_HOME": str(directory / "state"),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "LBACK_PASSWORD_MEMORY": "19456",
        "LBACK_PASSWORD_ITERATIONS": "2",
        "LBACK_PASSWORD_PARALLELISM": "1",
    }


@pytest.fixture
def lback(tmp_path: Path, fork_server: ForkServer) -> InstalledCommand:
    """Return the installed command without configuration."""
    return InstalledCommand(tmp_path, environment_in(tmp_path), fork_server)
