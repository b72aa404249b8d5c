"""Other connections that get in the way at the right moment, and the errors that this causes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, event, text
from sqlalchemy.engine import Connection

from lback_cli.database.error_codes import error_code

from .database import Installation

LOCK_HEAD = "SELECT seq FROM lback_event_head WHERE id = 1 FOR UPDATE"

BALLAST = ", ".join(f"('ballast {number}', '2026-01-01', '2026-01-01')" for number in range(100))


def wait_until_blocked(installation: Installation, pid: int) -> None:
    """Wait until the connection *pid* waits for a lock; fail after 30 seconds."""
    query = (
        "SELECT 1 FROM pg_stat_activity WHERE pid = :pid AND wait_event_type = 'Lock'"
        if is_postgresql(installation)
        else "SELECT 1 FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = :pid AND trx_state = 'LOCK WAIT'"
    )
    tick = threading.Event()
    for _ in range(200):
        if installation.rows(query, pid=pid):
            return
        # InnoDB updates this table only every 0.1 s.
        tick.wait(0.15)
    raise AssertionError("the connection does not wait")


class OnFirstCall:
    """A callable that passes its first call on to *act*, and counts its calls."""

    def __init__(self, act: Callable[..., object]) -> None:
        self.calls = 0
        self._act = act

    def __call__(self, **arguments: Any) -> None:
        self.calls += 1
        if self.calls == 1:
            self._act(**arguments)


@contextmanager
def record_error_codes(
    installation: Installation, on_first: Callable[[], object] = lambda: None
) -> Iterator[list[Any]]:
    """Record the codes of the database errors that *installation* gets, and call *on_first* at the first."""
    codes: list[Any] = []

    def note(context: Any) -> None:
        error = context.sqlalchemy_exception
        codes.append(getattr(error.orig, "sqlite_errorcode", None) or error_code(error))
        if len(codes) == 1:
            on_first()

    event.listen(installation.database.engine, "handle_error", note)
    try:
        yield codes
    finally:
        event.remove(installation.database.engine, "handle_error", note)


@contextmanager
def other_connection(installation: Installation) -> Iterator[Connection]:
    """Open another connection in a transaction."""
    engine = create_engine(installation.database.url, isolation_level="READ COMMITTED")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def is_postgresql(installation: Installation) -> bool:
    return installation.database.url.get_backend_name() == "postgresql"


def impatient_url(installation: Installation) -> str:
    """Return the URL for connections with the shortest lock timeout that the server supports."""
    on_postgresql = is_postgresql(installation)
    options = "options=-c%20lock_timeout=30ms" if on_postgresql else "init_command=SET innodb_lock_wait_timeout=1"
    return f"{installation.url}{'&' if '?' in installation.url else '?'}{options}"


def backend_pid(connection: Connection) -> Any:
    """Return the server's id of *connection*."""
    on_postgresql = connection.dialect.name == "postgresql"
    return connection.scalar(text("SELECT pg_backend_pid()" if on_postgresql else "SELECT connection_id()"))


def insert_user(name: str) -> str:
    """Return the statement that inserts a user called *name* with another address."""
    return (
        "INSERT INTO users (username, email, password, created_at, updated_at)"
        f" VALUES ('{name}', 'rival-of-{name}@example.org', '', '2026-01-01', '2026-01-01')"
    )
