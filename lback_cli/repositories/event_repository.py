"""Queries on the event log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.engine import Connection

from lback_cli.errors import DatabaseError
from lback_cli.events.hash_chain import canonical
from lback_cli.events.record import COLUMNS as RECORDED
from lback_cli.events.record import EventRecord, build_chain_rows, to_storable_text
from lback_cli.models.tables import EVENT_HEAD, EVENTS
from lback_cli.repositories.bulk_insert import insert_rows
from lback_cli.repositories.sql_functions import binary_equal, binary_position

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.events.checkpoint import Checkpoint
    from lback_cli.events.verifier import VerificationResult

PAGE = 1000
"""Events fetched at a time by a query without a limit."""

LARGEST_NUMBER = 2**63 - 1
"""Beyond this no database has an event or an id, and a driver would raise."""

_HEAD = select(EVENT_HEAD.c.seq, EVENT_HEAD.c.hash).where(EVENT_HEAD.c.id == 1)


@dataclass(frozen=True, slots=True)
class EventQuery:
    """Which events, in which order.

    *naming* is a user name or address that the data has as such. *since* and *until* are RFC 3339 text in UTC, *after*
    and *before* sequence numbers; all but *since* are exclusive.
    *limit* None means all.
    """

    signal: str | None = None
    actor: str | None = None
    subject_id: int | None = None
    subject: str | None = None
    naming: str | None = None
    since: str | None = None
    until: str | None = None
    after: int | None = None
    before: int | None = None
    newest_first: bool = False
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of the chain: the number of events, and the hash of the last."""

    seq: int
    hash: str


class EventRepository:
    """The event log in one session."""

    def __init__(self, session: "Connection | Session") -> None:
        self._session = session
        self.last: tuple[int, str] | None = None
        """The number and the operation of what `append` added last."""

    def append(self, records: Sequence[EventRecord]) -> None:
        """Add *records* to the end of the chain.

        The head stays locked until the transaction ends, so a writer does this last; and since writers take turns,
        the order of the numbers is the order of the commits.
        """
        if not records:
            return
        head = self.lock()
        rows = build_chain_rows(records, head.seq, head.hash)
        insert_rows(self._session, EVENTS, RECORDED, rows)
        seq = head.seq + len(rows)
        self._session.execute(update(EVENT_HEAD).where(EVENT_HEAD.c.id == 1).values(seq=seq, hash=rows[-1][-1]))
        self.last = seq, records[-1].operation_id

    def was_committed(self, seq: int, operation_id: str) -> bool:
        """Return whether event *seq* is of that operation, whose connection was lost during COMMIT.

        The head is locked first, because the server may still be ending that transaction, which holds the lock.
        """
        self.lock()
        statement = select(EVENTS.c.seq).where(EVENTS.c.seq == seq, EVENTS.c.operation_id == operation_id)
        return self._session.execute(statement).first() is not None

    def lock(self) -> ChainHead:
        """Lock and return the end of the chain. Other writers wait until the transaction ends.

        Raises:
            DatabaseError: The row was deleted. Without it, an appended event looks like one that replaces others.
        """
        found = self._session.execute(_HEAD.with_for_update()).one_or_none()
        if found is None:
            raise DatabaseError(
                "The event log has lost its head: the row of lback_event_head is gone.",
                hint="'lback doctor' shows the damage; see docs/event-log.md.",
            )
        return ChainHead(*found)

    def head(self) -> ChainHead | None:
        """Return the end of the chain; None if its row was deleted."""
        found = self._session.execute(_HEAD).one_or_none()
        return None if found is None else ChainHead(*found)

    def select(self, query: EventQuery) -> Iterator[dict[str, Any]]:
        """Yield the events that match *query*, as rows by column name, fetched a page at a time."""
        order = EVENTS.c.seq.desc() if query.newest_first else EVENTS.c.seq
        left, last = query.limit, None
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            statement = select(EVENTS).where(*_conditions(query)).order_by(order).limit(size)
            if last is not None:
                statement = statement.where(EVENTS.c.seq < last if query.newest_first else EVENTS.c.seq > last)
            page = self._session.execute(statement).mappings().all()
            yield from map(dict, page)
            if len(page) < size:
                return
            last = page[-1]["seq"]
            left = None if left is None else left - size

    def walk(self, columns: Sequence[str], *, after: int = 0) -> Iterator[Sequence[Any]]:
        """Yield *columns* of every event after number *after*, in the order of the log, in one query.

        The session can run no other query until the iteration ends.
        """
        statement = select(*(EVENTS.c[name] for name in columns)).order_by(EVENTS.c.seq)
        if after:
            statement = statement.where(EVENTS.c.seq > after)
        for page in self._session.execute(statement, execution_options={"yield_per": PAGE}).partitions():
            yield from page

    def verify(self, checkpoint: "Checkpoint | None" = None) -> "VerificationResult":
        """Verify the whole hash chain, against *checkpoint* if there is one. Raises `BrokenEventLog`."""
        from lback_cli.events.verifier import COLUMNS, Verifier

        verifier = Verifier(checkpoint)
        head = self.head()
        verifier.feed(self.walk(COLUMNS))
        return verifier.finish((head.seq, head.hash) if head else (None, None))

    def count_by_day(self, since: str) -> Sequence[tuple[str, str, int]]:
        """(day, signal, number of events) from *since* on."""
        day = func.substr(EVENTS.c.time, 1, 10)
        statement = (
            select(day, EVENTS.c.signal, func.count())
            .where(EVENTS.c.time >= since)
            .group_by(day, EVENTS.c.signal)
            .order_by(day)
        )
        return [(str(d), str(s), int(n)) for d, s, n in self._session.execute(statement)]

    def erase(self, sequences: Sequence[int]) -> None:
        """Blank the personal part of the events with these numbers."""
        for start in range(0, len(sequences), PAGE):
            chunk = sequences[start : start + PAGE]
            blank = update(EVENTS).where(EVENTS.c.seq.in_(chunk)).values(subject=None, data=None, salt=None)
            self._session.execute(blank)


def _conditions(query: EventQuery) -> Iterator[ColumnElement[bool]]:
    if query.signal is not None:
        yield binary_equal(EVENTS.c.signal) == query.signal
    if query.actor is not None:
        yield binary_equal(EVENTS.c.actor) == to_storable_text(query.actor)
    if query.subject_id is not None:
        yield EVENTS.c.subject_id == _within_range(query.subject_id)
    if query.subject is not None:
        yield binary_equal(EVENTS.c.subject) == to_storable_text(query.subject)
    if query.naming is not None:
        # Canonical JSON is written in one way only.
        named = (f'"{key}":{canonical(to_storable_text(query.naming))}' for key in ("username", "email"))
        yield or_(*(binary_position(EVENTS.c.data, text) > 0 for text in named))
    if query.since is not None:
        yield EVENTS.c.time >= query.since
    if query.until is not None:
        yield EVENTS.c.time < query.until
    if query.after is not None:
        yield EVENTS.c.seq > _within_range(query.after)
    if query.before is not None:
        yield EVENTS.c.seq < _within_range(query.before)


def _within_range(number: int) -> int:
    return max(-1, min(number, LARGEST_NUMBER))
