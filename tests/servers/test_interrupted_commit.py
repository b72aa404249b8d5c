"""A signal during COMMIT: the user, the events, the exit code and the message agree.

Some cases, or all with THOROUGH set.
"""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from itertools import product
from pathlib import Path
from typing import Any, NoReturn

import pytest

from lback_cli.errors import UnconfirmedCommit

from .concurrent_users import other_connection
from .counting_proxy import Loss
from .database import Installation, record_signals
from .holding_proxy import HoldingProxy
from .own_server import PASSWORD, MissingServer, start_server

STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143}

COMMANDS = {
    "register": ("user", "register", "new", "--email", "new@example.org", "--verified", "--generate-password"),
    "update": ("user", "update", "ann", "--deactivate"),
    "delete": ("user", "delete", "ann", "--yes"),
    "group": ("group", "create", "staff"),
    "erase": ("user", "erase", "ann", "--confirm=ann"),
    "import": ("user", "import", "users.csv"),
}

SOME = [("register", signal.SIGINT), ("erase", signal.SIGINT), ("import", signal.SIGTERM)]
CASES = list(product(COMMANDS, STATUS)) if "THOROUGH" in os.environ else SOME

MADE = {
    "register": ["user_registered"],
    "update": ["user_updated"],
    "delete": ["user_deleted"],
    "group": ["group_created"],
    "erase": ["user_deleted", "user_erased"],
    "import": ["user_registered"] * 3,
}
"""The events if the change was committed."""

FAILED = {
    "register": ["user_registration_failed"],
    "update": ["user_update_failed"],
    "delete": ["user_deletion_failed"],
    "group": [],
    "erase": ["user_deletion_failed"],
    "import": [],
}
"""The events if it was not."""

ROWS = {
    "register": "SELECT count(*) FROM users WHERE username = 'new'",
    "update": "SELECT count(*) FROM users WHERE username = 'ann' AND NOT is_active",
    "delete": "SELECT 1 - count(*) FROM users WHERE username = 'ann'",
    "group": "SELECT count(*) FROM groups WHERE name = 'staff'",
    "erase": "SELECT 1 - count(*) FROM users WHERE username = 'ann'",
    "import": "SELECT count(*) / 3 FROM users WHERE username LIKE 'imported%'",
}
"""Queries that return 1 if the change was made, else 0."""


class Trial:
    """A command that is interrupted, on the database at *url*."""

    def __init__(self, lback: Any, url: str, command: str) -> None:
        self.command = command
        self.installation = Installation(url, lback.directory).initialize()
        self.installation.register("ann", verified=True)
        self._lback = lback
        rows = "".join(f"imported{number},imported{number}@example.org\n" for number in range(3))
        Path(lback.directory, "users.csv").write_text(f"username,email\n{rows}", "utf-8")
        self._before = len(self.installation.recorded())

    def run(self, url: str, number: signal.Signals, wait: Callable[[], object]) -> tuple[int, str]:
        """Start the command, *wait* until it commits, and send the signal; return its status and standard error."""
        options = ("--mail", "none") if self.command == "import" else ()
        process = self._lback.start(*COMMANDS[self.command], *options, LBACK_DATABASE_URL=url)
        try:
            wait()
            process.send_signal(number)
            _, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.communicate()
        return process.returncode, err.decode()

    def made(self) -> bool:
        """Check that the rows agree with the events, and return whether the change was made."""
        (made,) = self.installation.rows(ROWS[self.command])[0]
        events = [name for name, _ in self.installation.recorded()[self._before :] if name != "import_started"]
        assert events == (MADE if made else FAILED)[self.command]
        self.installation.events.verify()
        return bool(made)


@pytest.fixture
def trial(lback: Any) -> Iterator[Callable[[str, str], Trial]]:
    with ExitStack() as open_trials:

        def make(url: str, command: str) -> Trial:
            made = Trial(lback, url, command)
            open_trials.callback(made.installation.close)
            return made

        yield make


@pytest.mark.parametrize(("command", "number"), CASES)
@pytest.mark.parametrize("loss", ["request", "answer"])
def test_signal_while_mariadb_does_not_answer_a_commit(
    database_on: Callable[[str], AbstractContextManager[str]],
    trial: Callable[[str, str], Trial],
    command: str,
    loss: Loss,
    number: signal.Signals,
) -> None:
    with database_on("mariadb") as url:
        tried = trial(url, command)
        # The first transaction of an import only stores the job.
        proxy = HoldingProxy(url, loss, b"imported2" if command == "import" else b"INTO lback_events")
        status, err = tried.run(proxy.url, number, lambda: proxy.held.wait(30))
        proxy.close()
        assert proxy.held.is_set()
        assert status == STATUS[number]
        assert tried.made() == (loss == "answer")
        assert message(command, number, made=loss == "answer") in err


@pytest.fixture(scope="module")
def lonely_primary(
    require_service: Callable[[str], None], unavailable: Callable[[str, str], NoReturn]
) -> Iterator[str]:
    """The URL of a PostgreSQL server on which every COMMIT waits for a standby that does not exist."""
    require_service("postgresql")
    with ExitStack() as running:
        try:
            server = running.enter_context(
                start_server("postgresql", settings={"synchronous_standby_names": "nobody", "fsync": "off"})
            )
        except MissingServer as missing:
            unavailable("postgresql", str(missing))
        yield server.url({}).replace("app@", f"app:{PASSWORD}@")


@pytest.mark.parametrize(("command", "number"), [case for case in CASES if case[0] != "import"])
def test_signal_while_postgresql_waits_for_its_standby(
    lonely_primary: str, trial: Callable[[str, str], Trial], command: str, number: signal.Signals
) -> None:
    """The server then commits, and does not wait any longer."""
    tried = trial(emptied(lonely_primary), command)

    def wait() -> None:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
        until(lambda: tried.installation.rows(query) == [(1,)])

    status, err = tried.run(lonely_primary, number, wait)
    assert status == STATUS[number]
    assert tried.made()
    assert message(command, number, made=True) in err


def test_commit_without_a_standby_is_a_success_that_may_not_last(lonely_primary: str, tmp_path: Path) -> None:
    alone = Installation(emptied(lonely_primary), tmp_path).initialize()
    alone.register("ann")
    waiting = Installation(lonely_primary, tmp_path, retry_timeout=1)
    try:
        with record_signals() as sent, pytest.raises(UnconfirmedCommit, match="no synchronous standby confirmed it"):
            waiting.register("bob", mail="none")
        assert sent == ["user_registration_started", "user_pre_register", "user_registered"]
        assert [subject for name, subject in alone.recorded() if name.startswith("user_regist")] == ["ann", "bob"]
        alone.events.verify()
    finally:
        waiting.close()
        alone.close()


def emptied(primary: str) -> str:
    """Delete everything from the database at *primary*, and return a URL with which COMMIT does not wait."""
    alone = f"{primary}?options=-c%20synchronous_commit=local"
    reset = Installation(alone, Path())
    with other_connection(reset) as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
        connection.commit()
    reset.close()
    return alone


def message(command: str, number: signal.Signals, *, made: bool) -> str:
    """Return what standard error says of the interrupted change."""
    if command == "import":
        return f"{3 if made else 0} rows are done. Resume with: "
    if made:
        return "Interrupted. The last operation was completed before the interruption.\n"
    return "Interrupted.\n" if number == signal.SIGINT else ""


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
