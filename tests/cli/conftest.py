"""Run `lback` in the process of the tests, which is much faster than starting it."""

import io
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pexpect
import pytest

from lback_cli.cli.main import main

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
MAIL = re.compile(r"[~/]\S+/\d{8}T\d{6}\.\d{6}Z-[0-9a-f]{8}\.eml")
LOCAL = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[+-]\d\d:\d\d")


class Outcome(NamedTuple):
    """Exit code, stdout and stderr of one run, comparable with a tuple.

    Times are replaced by ``TIME``, and files with mail by ``MAIL``.
    """

    status: int
    out: str
    err: str


@pytest.fixture
def cli(
    tmp_path: Path, lback: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Outcome]:
    """Run `lback` here, in the environment of the fixture `lback`: ``cli("user", "list", input=, **variables)``.

    *input* is the content of stdin, which is not a terminal. The environment and the signal handlers are restored
    after each run.
    """
    monkeypatch.chdir(tmp_path)
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]

    def run(*arguments: str, input: str | bytes = b"", **variables: str) -> Outcome:  # noqa: A002
        raw = input.encode() if isinstance(input, str) else input
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(lback.environment | variables)
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        try:
            with pytest.raises(SystemExit) as exit_:
                main(list(arguments))
        finally:
            os.environ.clear()
            os.environ.update(before)
            for number, handler in zip(numbers, handlers, strict=True):
                signal.signal(number, handler)
        captured = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return Outcome(int(exit_.value.code), _timeless(captured.out), _timeless(captured.err))

    return run


@pytest.fixture
def terminal(lback: Any) -> Callable[..., Any]:
    """Start `lback` on a terminal of its own, with 24 lines and 80 columns."""

    def start(*arguments: str, **variables: str) -> Any:
        return pexpect.spawn(
            lback.program,
            list(arguments),
            env=lback.environment | {"NO_COLOR": "1"} | variables,
            cwd=str(lback.directory),
            timeout=20,
            dimensions=(24, 80),
        )

    return start


def _timeless(text: str) -> str:
    """Return *text* with ``TIME`` for each time, in UTC for programs and in the local zone for people."""
    return LOCAL.sub("TIME", TIME.sub("TIME", MAIL.sub("MAIL", text)))


@pytest.fixture
def password() -> str:
    """A password that the policy accepts."""
    return "purple giraffes yodel at dusk"


@pytest.fixture
def register(cli: Callable[..., Outcome], password: str) -> Callable[..., Outcome]:
    """Register a user called *name* with the *password* and further options, quietly."""

    def run(name: str, *options: str) -> Outcome:
        outcome = cli(
            *("user", "register", name, "--email", f"{name}@example.org", "--password-stdin", "-q"),
            *options,
            input=password,
        )
        assert outcome.status == 0, outcome
        return outcome

    return run
