"""A limit for the time that a COMMIT on PostgreSQL waits for a synchronous standby."""

import contextlib
import threading
from collections.abc import Callable
from typing import Any

from lback_cli.errors import UnconfirmedCommit

_END_WAIT = (
    "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %s AND wait_event = 'SyncRep' AND state = 'active'"
)
"""Ends the wait for a standby, and nothing else. The server then reports that the commit succeeded."""

_CONNECT_TIMEOUT = 5
"""Seconds."""

_WAITS = "lback_waits_for_standby"
"""Where the information about a connection says whether COMMIT waits for a standby."""


def limit_standby_wait(dialect: Any, seconds: float) -> None:
    """Let a COMMIT of *dialect* raise `UnconfirmedCommit` after *seconds*, at least one, of waiting for a standby.

    Another connection of the same user ends the wait. Through a pooler, which hides the process of the server, there is
    no limit.
    """
    commit: Callable[[Any], None] = dialect.do_commit
    seconds = max(seconds, 1)

    def limited_commit(connection: Any) -> None:
        if not _waits_for_standby(connection):
            commit(connection)
            return
        wait = _StandbyWait(connection.driver_connection, seconds)
        with wait:
            commit(connection)
        if wait.was_ended:
            raise UnconfirmedCommit(
                f"The server has committed the change, but no synchronous standby confirmed it within {seconds:g} s.",
                hint="If the server fails now, the change may be lost. Restore the standby; 'lback doctor' shows it.",
            )

    dialect.do_commit = limited_commit


def _waits_for_standby(connection: Any) -> bool:
    # Once for each connection: the thread of a wait would take a third of the time of a small transaction.
    if _WAITS not in connection.info:
        driver = connection.driver_connection
        if driver.info.transaction_status.name != "INTRANS":
            return False
        found = driver.execute("SELECT current_setting('synchronous_standby_names', true)").fetchone()
        connection.info[_WAITS] = bool(found[0])
    return bool(connection.info[_WAITS])


class _StandbyWait:
    """A thread that ends the wait of *driver*, a connection of psycopg, after *seconds*.

    Attributes:
        was_ended: Whether it has ended the wait.
    """

    def __init__(self, driver: Any, seconds: float) -> None:
        self._driver = driver
        self._seconds = seconds
        self._committed = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.was_ended = False

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._committed.set()
        # A late request would end the next statement.
        self._thread.join()

    def _watch(self) -> None:
        while not (self._committed.wait(self._seconds) or self.was_ended):
            # If no connection can be made now, perhaps later.
            with contextlib.suppress(Exception):
                self.was_ended = self._end_wait()

    def _end_wait(self) -> bool:
        import psycopg

        info = self._driver.info
        with psycopg.connect(
            info.dsn,
            host=info.host,
            port=info.port,
            password=info.password,
            connect_timeout=_CONNECT_TIMEOUT,
            autocommit=True,
        ) as connection:
            return connection.execute(_END_WAIT, [info.backend_pid]).fetchone() == (True,)
