"""Operations that are interrupted or compete are atomic and have the right exit code."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REGISTER = ("user", "register", "alice", "--email", "alice@example.org", "--generate-password")


class SilentServer:
    """Accepts connections and sends nothing. The first connection sets `connected`."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._kept: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.connected = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                self._kept.append(self._listener.accept()[0])
            except OSError:
                return
            self.connected.set()

    def close(self) -> None:
        # Wakes the thread up, which closing alone does not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._kept:
            connection.close()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "LBACK_EMAIL_TRANSPORT": "smtp",
            "LBACK_EMAIL_HOST": "127.0.0.1",
            "LBACK_EMAIL_PORT": str(self.port),
            "LBACK_EMAIL_TIMEOUT": "30",
        }


@pytest.fixture
def silent() -> Iterator[SilentServer]:
    server = SilentServer()
    yield server
    server.close()


@pytest.fixture
def hanging(lback: Any, silent: SilentServer, tmp_path: Path) -> Iterator[Callable[..., "subprocess.Popen[bytes]"]]:
    """Start a registration that waits for the mail server with its transaction open."""
    assert lback("db", "init").status == 0
    started: list[subprocess.Popen[bytes]] = []

    def start(**options: Any) -> "subprocess.Popen[bytes]":
        trace = ("--trace-format", "json", "--trace-file", str(tmp_path / "trace"))
        process: subprocess.Popen[bytes] = lback.start(*REGISTER, *trace, **silent.environment, **options)
        started.append(process)
        assert silent.connected.wait(20)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "status", "err", "exception"),
    [
        (signal.SIGINT, 130, b"Interrupted.\n", {"type": "UnexpectedError", "message": "KeyboardInterrupt"}),
        (signal.SIGTERM, 143, b"", {"type": "UnexpectedError", "message": "TerminatedBySignal: terminated"}),
        (signal.SIGHUP, 129, b"", {"type": "UnexpectedError", "message": "TerminatedBySignal: hung up"}),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_signal_rolls_the_operation_back_with_its_failure_signal(  # noqa: PLR0917 - fixtures and the case
    hanging: Any, lback: Any, tmp_path: Path, number: int, status: int, err: bytes, exception: dict[str, str]
) -> None:
    process = hanging()
    asked = time.monotonic()
    process.send_signal(number)
    assert process.communicate(timeout=20) == (b"", err)
    assert process.returncode == status
    assert time.monotonic() - asked < 10, "far from the mail server's 30 s"
    trace = [json.loads(line) for line in (tmp_path / "trace").read_text().splitlines()]
    assert [line["signal"] for line in trace] == [
        "user_registration_started",
        "user_pre_register",
        "user_registration_failed",
    ]
    assert (trace[-1]["args"]["error_type"], trace[-1]["args"]["exception"]) == ("unexpected_exception", exception)
    with sqlite3.connect(lback.database) as connection:
        tables = ("users", "lback_tokens", "user_groups_association")
        counts = [connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables]
    connection.close()
    assert counts == [0, 0, 0]
    assert lback("group", "create", "staff", "-q", LBACK_DATABASE_BUSY_TIMEOUT=1).status == 0, "the lock is gone"


def test_a_command_under_nohup_survives_a_hang_up(hanging: Any) -> None:
    process = hanging(preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.terminate()
    assert process.wait(20) == 143


def test_a_waiting_operation_blocks_writers_but_not_readers(hanging: Any, lback: Any) -> None:
    hanging()
    assert lback("user", "list", "-o", "json") == (0, "[]\n", "")
    asked = time.monotonic()
    locked = lback("group", "create", "staff", LBACK_DATABASE_BUSY_TIMEOUT=0.5)
    assert locked == (
        9,
        "",
        (
            f"error: The database {lback.database} is locked by another process.\n"
            "       Try again, or raise database.busy_timeout.\n"
        ),
    )
    assert time.monotonic() - asked >= 0.5


def test_a_silent_mail_server_is_exit_9_after_the_timeout(lback: Any, silent: SilentServer) -> None:
    outcome = lback(*REGISTER, **silent.environment | {"LBACK_EMAIL_TIMEOUT": "0.3"})
    assert outcome == (
        9,
        "",
        (
            f"error: The mail server 127.0.0.1:{silent.port} did not answer within 0.3 s.\n"
            "       Check email.host, email.port and email.security.\n"
        ),
    )
    assert lback("user", "exists", "alice").status == 5


def test_two_processes_cannot_register_the_same_name(lback: Any) -> None:
    assert lback("db", "init").status == 0
    for turn in range(3):
        processes = [
            lback.start("user", "register", name, "--email", f"{name}{turn}@example.org", "--generate-password")
            for name in (f"Carol{turn}", f"cAROL{turn}")
        ]
        outputs = [process.communicate(timeout=60) for process in processes]
        assert sorted(process.returncode for process in processes) == [0, 6]
        assert b"".join(err for _, err in outputs).count(f"error: The user name 'carol{turn}' is taken.".encode()) == 1
    assert len(lback("user", "list", "-o", "json").result) == 3


def test_eight_processes_can_create_the_embedded_database_at_once(lback: Any) -> None:
    processes = [lback.start("group", "create", f"group{number}", "-o", "json") for number in range(8)]
    outcomes = [(process.communicate(timeout=60), process.returncode) for process in processes]
    assert [status for _, status in outcomes] == [0] * 8, outcomes
    assert {json.loads(out)["name"] for (out, _), _ in outcomes} == {f"group{number}" for number in range(8)}
    assert len(lback("group", "list", "-o", "json").result) == 8


def test_a_signal_during_imports_shows_no_traceback(lback: Any) -> None:
    code = "import os, signal; from lback_cli.cli.main import main; os.kill(os.getpid(), signal.SIGTERM); main()"
    done = subprocess.run([sys.executable, "-c", code], env=lback.environment, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGTERM, b"", b"")


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_at_a_prompt_has_its_exit_code(lback: Any, number: int, status: int) -> None:
    import pexpect

    register = ["user", "register", "alice", "--email", "alice@example.org"]
    # A test run under nohup ignores the hang-up, and a child would inherit that.
    hear = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)}
    child = pexpect.spawn(lback.program, register, env=lback.environment, timeout=20, **hear)
    child.expect("assword")
    child.kill(number)
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == status


LOSES_A_SIGNAL = """
import os
import signal

from lback_cli.signals import user_pre_register


class Finalized:
    def __del__(self):
        os.kill(os.getpid(), {number})
        for _ in range(100_000):  # the handler runs here, where Python drops what it raises
            pass


def receiver(sender, *, username, **arguments):
    if username == "user5":
        Finalized()


user_pre_register.connect(receiver)
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_import_ends_after_the_chunk_in_which_the_exception_of_a_signal_is_lost(
    lback: Any, tmp_path: Path, number: int, status: int
) -> None:
    (tmp_path / "loses.py").write_text(LOSES_A_SIGNAL.format(number=int(number)))
    rows = "".join(f"user{number},user{number}@example.org\n" for number in range(3000))
    (tmp_path / "users.csv").write_text(f"username,email\n{rows}")
    environment = {"LBACK_RECEIVERS_MODULES": "loses", "PYTHONPATH": str(tmp_path)}
    process = lback.start("user", "import", str(tmp_path / "users.csv"), "--mail", "none", **environment)
    _, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert b"Exception ignored in" in err
    assert b"lback user import " in err
    assert b" --resume\n" in err
    assert lback("user", "exists", "user5").status == 0
    assert lback("user", "exists", "user2999").status == 5
