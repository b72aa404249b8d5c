"""Others who are in the way at the right moment, and what the database says of it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import Connection

from lback_cli.database.error_codes import error_code

from .database import Place

LOCK_HEAD = "SELECT seq FROM lback_event_head WHERE id = 1 FOR UPDATE"

BALLAST = ", ".join(f"('ballast {number}', '2026-01-01', '2026-01-01')" for number in range(100))


def wait_until_it_waits(place: Place, pid: int) -> None:
    """Until that connection waits for a lock. Patience ends with an error, not with a guess."""
    look = (
        "SELECT 1 FROM pg_stat_activity WHERE pid = :pid AND wait_event_type = 'Lock'"
        if is_postgresql(place)
        else "SELECT 1 FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = :pid AND trx_state = 'LOCK WAIT'"
    )
    tick = threading.Event()
    for _ in range(200):
        if place.rows(look, pid=pid):
            return
        # InnoDB shows a copy to whoever asks more than ten times a second.
        tick.wait(0.15)
    raise AssertionError("it does not wait")


class First:
    """Calls *act* the first time only, and counts."""

    def __init__(self, act: Callable[..., object]) -> None:
        self.calls = 0
        self._act = act

    def __call__(self, **arguments: Any) -> None:
        self.calls += 1
        if self.calls == 1:
            self._act(**arguments)


@contextmanager
def errors_of(place: Place, at_first: Callable[[], object] = lambda: None) -> Iterator[list[Any]]:
    """The codes of the errors that the database gives *place*; *at_first* is called at the first."""
    codes: list[Any] = []

    def note(context: Any) -> None:
        error = context.sqlalchemy_exception
        codes.append(getattr(error.orig, "sqlite_errorcode", None) or error_code(error))
        if len(codes) == 1:
            at_first()

    event.listen(place.database.engine, "handle_error", note)
    try:
        yield codes
    finally:
        event.remove(place.database.engine, "handle_error", note)


@contextmanager
def other_connection(place: Place) -> Iterator[Connection]:
    """A connection of somebody else's, in a transaction."""
    engine = create_engine(place.database.url, isolation_level="READ COMMITTED")
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def is_postgresql(place: Place) -> bool:
    return place.database.url.get_backend_name() == "postgresql"


def impatient(place: Place) -> str:
    """The URL for connections that wait for no lock longer than the server's least."""
    options = (
        "options=-c%20lock_timeout=30ms" if is_postgresql(place) else "init_command=SET innodb_lock_wait_timeout=1"
    )
    return f"{place.url}{'&' if '?' in place.url else '?'}{options}"
