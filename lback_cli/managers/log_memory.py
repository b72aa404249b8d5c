"""Comparing the event log with what this machine remembers of it."""

import contextlib
from typing import NamedTuple

from lback_cli.database.engine import Database
from lback_cli.events.last_seen import LastSeen, memory_file, read_last_seen, write_last_seen
from lback_cli.repositories.account_repository import AccountRepository
from lback_cli.repositories.event_repository import EventQuery, EventRepository
from lback_cli.repositories.snapshot import snapshot
from lback_cli.text.times import timestamp, utc_now


class LostLog(NamedTuple):
    """An event log that this machine remembers, and that the database no longer has.

    *seq* is the number of the first event at which this shows.
    """

    seq: int
    message: str
    hint: str


class LogMemory:
    """What this machine remembers of the event log of *database*."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def check(self) -> LostLog | None:
        """Compare the log with what is remembered, and remember how far it has come now.

        A database in memory is not remembered, and nothing is for a user without a home directory. Neither is a log
        that was lost, until the file is deleted.

        Raises:
            ConfigurationError: The file with what is remembered cannot be read.
            DatabaseError: The log cannot be read.
        """
        place = _place(self._database)
        path = None if place is None else memory_file(place)
        if place is None or path is None:
            return None
        seen = read_last_seen(path)
        with snapshot(self._database) as found:
            events = found.events
            head = events.head()
            now = LastSeen(
                place,
                AccountRepository(found.connection).digest("event log"),
                0 if head is None else head.seq,
                "" if head is None else head.hash,
                timestamp(utc_now()),
            )
            lost = None if seen is None else _compare(seen, now, events)
        if lost is not None:
            seq, what = lost
            return LostLog(
                seq, what, f"Restore a backup. If the database was replaced on purpose, delete {path} and try again."
            )
        if seen is None or (seen.log, seen.seq, seen.hash) != (now.log, now.seq, now.hash):
            # A machine without a state directory remembers nothing.
            with contextlib.suppress(OSError):
                write_last_seen(path, now)
        return None


def _compare(seen: LastSeen, now: LastSeen, events: EventRepository) -> tuple[int, str] | None:
    """Return the first event that is lost, and a sentence about it; None if the log continues what was seen."""
    if seen.seq == 0:
        return None
    event = next(events.select(EventQuery(after=seen.seq - 1, before=seen.seq + 1, limit=1)), None)
    if event is not None and event["hash"] == seen.hash:
        return None
    count = "1 event" if seen.seq == 1 else f"{seen.seq} events"
    before = f"{seen.time[:10]} {seen.time[11:16]} UTC"
    if seen.log != now.log:
        lost = f"the event log that was in this database on {before}, with {count}, is lost: its tables were dropped,"
        return 1, f"{lost} or the database was replaced."
    if event is None:
        return now.seq + 1, f"it is lost: the event log had {count} on {before}, and has {now.seq} now."
    return seen.seq, f"it is another one than on {before}."


def _place(database: Database) -> str | None:
    """Return where *database* is, without the user who connects to it; None if it ends with the process."""
    if database.in_memory:
        return None
    if database.path is not None:
        return str(database.path.resolve())
    url = database.url
    host = url.host or url.query.get("host") or url.query.get("unix_socket") or ""
    return f"{url.get_backend_name()}://{host}:{url.port or ''}/{url.database or ''}"
