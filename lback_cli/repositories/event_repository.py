"""Queries on the event log."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import ColumnElement, func, or_, select, update
from sqlalchemy.engine import Connection

from lback_cli.errors import DatabaseError
from lback_cli.events.grants import NamePeriod
from lback_cli.events.hash_chain import canonical
from lback_cli.events.kinds import FAILED, FAILURE_EVENTS, OK
from lback_cli.events.record import COLUMNS as RECORDED
from lback_cli.events.record import ChainLinks, EventRecord, to_storable_text
from lback_cli.models.tables import EVENT_HEAD, EVENTS
from lback_cli.repositories.bulk_insert import PreparedRows
from lback_cli.repositories.sql_functions import binary_equal, binary_position
from lback_cli.repositories.streaming import read_stream

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
    """Which events to select, and in which order. A condition that is empty or None selects all events.

    Attributes:
        signals: Names of signals and administrative events. An event must have one of them.
        naming: A user name or address that is a value in the data.
        outcome: The reason of a failure or success, ``ok`` for successes, or ``failed`` for failures.
        changed: The name of an attribute that changed, ``groups`` or ``password``.
        groups: Names of groups. An event must say that one of them changed, or that a user joined or left it.
        other_names: Other names of these groups, which count in their period.
        always: Names of signals and administrative events that are selected whatever *signals* and *groups* say.
        since: The first time, as RFC 3339 text in UTC.
        until: The time after the last, in the same form.
        after: The sequence number before the first.
        before: The sequence number after the last.
        limit: The maximum number of events; None means all.
    """

    signals: Sequence[str] = ()
    actor: str | None = None
    subject_id: int | None = None
    subject: str | None = None
    naming: str | None = None
    outcome: str | None = None
    changed: str | None = None
    groups: Sequence[str] = ()
    other_names: Sequence[NamePeriod] = ()
    always: Sequence[str] = ()
    invocation_id: str | None = None
    operation_id: str | None = None
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
        """Add *records* to the end of the chain, as `append_links` does."""
        if records:
            self.append_links(ChainLinks(records))

    def append_links(self, links: ChainLinks) -> None:
        """Add *links* to the end of the chain.

        The head stays locked until the transaction ends, so a writer does this last; and since writers take turns,
        the order of the numbers is the order of the commits.
        """
        rows = PreparedRows(self._session, EVENTS, RECORDED, links.rows)
        head = self.lock()
        places = links.places(head.seq, head.hash)
        rows.insert(places)
        seq, *_, last = places[-1]
        self._session.execute(update(EVENT_HEAD).where(EVENT_HEAD.c.id == 1).values(seq=seq, hash=last))
        self.last = seq, links.last_operation_id

    def was_committed(self, seq: int, operation_id: str) -> bool:
        """Return whether event *seq* belongs to that operation, whose connection was lost during COMMIT.

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
        matches = _matcher(query)
        while left is None or left > 0:
            size = PAGE if left is None or matches is not None else min(PAGE, left)
            statement = select(EVENTS).where(*_conditions(query)).order_by(order).limit(size)
            if last is not None:
                statement = statement.where(EVENTS.c.seq < last if query.newest_first else EVENTS.c.seq > last)
            page = self._session.execute(statement).mappings().all()
            found = [row for row in map(dict, page) if matches is None or matches(row)][:left]
            yield from found
            if len(page) < size:
                return
            last = page[-1]["seq"]
            left = None if left is None else left - len(found)

    def count(self, query: EventQuery) -> int | None:
        """Return how many events match *query*, whatever its limit is; None if all would have to be read."""
        if _matcher(query) is not None:
            return None
        statement = select(func.count()).select_from(EVENTS).where(*_conditions(query))
        count: int = self._session.execute(statement).scalar_one()
        return count

    def walk(self, columns: Sequence[str], *, after: int = 0) -> Iterator[Sequence[Any]]:
        """Yield *columns* of every event after number *after*, in the order of the log, in one query.

        The session can run no other query until the iteration ends.
        """
        statement = select(*(EVENTS.c[name] for name in columns)).order_by(EVENTS.c.seq)
        if after:
            statement = statement.where(EVENTS.c.seq > after)
        for page in read_stream(self._session.execute, statement, size=PAGE):
            yield from page

    def verify(self, checkpoint: "Checkpoint | None" = None) -> "VerificationResult":
        """Verify the whole hash chain, and compare it with *checkpoint* if there is one. Raises `BrokenEventLog`."""
        from lback_cli.events.verifier import COLUMNS, Verifier

        verifier = Verifier(checkpoint)
        head = self.head()
        verifier.feed(self.walk(COLUMNS))
        return verifier.finish((head.seq, head.hash) if head else (None, None))

    def count_by_time(self, since: str, by: Literal["day", "hour"]) -> Sequence[tuple[str, str, int]]:
        """Return (day or hour of the day, signal, number of events) from *since* on, in the order of days or hours."""
        part = func.substr(EVENTS.c.time, *((1, 10) if by == "day" else (12, 2)))
        statement = (
            select(part, EVENTS.c.signal, func.count())
            .where(EVENTS.c.time >= since)
            .group_by(part, EVENTS.c.signal)
            .order_by(part)
        )
        return [(str(d), str(s), int(n)) for d, s, n in self._session.execute(statement)]

    def count_erased(self, last: int) -> int:
        """Return how many events up to number *last* are erased."""
        erased = select(func.count()).select_from(EVENTS).where(EVENTS.c.data.is_(None), EVENTS.c.seq <= last)
        return self._session.execute(erased).scalar_one()

    def erase(self, sequences: Sequence[int]) -> None:
        """Erase the personal part of the events with these numbers."""
        for start in range(0, len(sequences), PAGE):
            chunk = sequences[start : start + PAGE]
            blank = update(EVENTS).where(EVENTS.c.seq.in_(chunk)).values(subject=None, data=None, salt=None)
            self._session.execute(blank)


def _conditions(query: EventQuery) -> Iterator[ColumnElement[bool]]:
    exact = {"actor": query.actor, "subject": query.subject}
    exact |= {"invocation_id": query.invocation_id, "operation_id": query.operation_id}
    for name, value in exact.items():
        if value is not None:
            yield binary_equal(EVENTS.c[name]) == to_storable_text(value)
    if query.signals:
        yield _is_one_of(*query.signals, *query.always)
    if query.subject_id is not None:
        yield EVENTS.c.subject_id == _within_range(query.subject_id)
    yield from _outcome_conditions(query.outcome)
    yield from _data_conditions(query)
    yield from _range_conditions(query)


def _is_one_of(*signals: str) -> ColumnElement[bool]:
    return or_(*(binary_equal(EVENTS.c.signal) == to_storable_text(name) for name in signals))


def _outcome_conditions(outcome: str | None) -> Iterator[ColumnElement[bool]]:
    if outcome in {OK, FAILED}:
        failed = EVENTS.c.signal.in_(FAILURE_EVENTS)
        yield failed if outcome == FAILED else ~failed
    elif outcome is not None:
        yield binary_equal(EVENTS.c.outcome) == to_storable_text(outcome)


def _data_conditions(query: EventQuery) -> Iterator[ColumnElement[bool]]:
    """Yield conditions on the text of the data. The data is canonical JSON, so equal values have equal texts."""
    if query.naming is not None:
        named = (f'"{key}":{canonical(to_storable_text(query.naming))}' for key in ("username", "email"))
        yield or_(*(binary_position(EVENTS.c.data, text) > 0 for text in named))
    if query.changed is not None:
        yield binary_position(EVENTS.c.data, f"{canonical(to_storable_text(query.changed))}:") > 0
    if query.groups:
        names = dict.fromkeys((*query.groups, *(period.name for period in query.other_names)))
        texts = (canonical(to_storable_text(name)) for name in names)
        named_in_data = or_(*(binary_position(EVENTS.c.data, text) > 0 for text in texts))
        yield or_(named_in_data, _is_one_of(*query.always)) if query.always else named_in_data


def _range_conditions(query: EventQuery) -> Iterator[ColumnElement[bool]]:
    if query.since is not None:
        yield EVENTS.c.time >= query.since
    if query.until is not None:
        yield EVENTS.c.time < query.until
    if query.after is not None:
        yield EVENTS.c.seq > _within_range(query.after)
    if query.before is not None:
        yield EVENTS.c.seq < _within_range(query.before)


def _matcher(query: EventQuery) -> Callable[[dict[str, Any]], bool] | None:
    """Return a function that checks the rows found by the conditions of `_data_conditions`; None if there are none."""
    if query.changed is None and not query.groups:
        return None

    def matches(row: dict[str, Any]) -> bool:
        if row["signal"] in query.always:
            return True
        try:
            return _says(query, row["seq"], json.loads(row["data"]))
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            return True  # The reader reports that the event is damaged.

    return matches


def _says(query: EventQuery, seq: int, data: Any) -> bool:
    """Return True if the *data* of event *seq* says what *query* demands of the changes and the groups."""
    changes = data.get("changes", {})
    groups = changes.get("groups", {"added": [], "removed": []})
    if query.changed == "groups":
        is_changed = bool(groups["added"] or groups["removed"])
    else:
        is_changed = query.changed is None or _is_change(changes.get(query.changed))
    names = {*groups["added"], *groups["removed"]}
    if "group" in data:
        names |= {data["group"]["name"], changes.get("name", {}).get("from")}
    wanted = {*query.groups, *(other.name for other in query.other_names if other.first <= seq < other.end)}
    return is_changed and (not query.groups or not names.isdisjoint(wanted))


def _is_change(change: Any) -> bool:
    """Return whether a value changed. A registration also names what the user does not have."""
    return change.get("from") != change.get("to") if isinstance(change, dict) else change is not None


def _within_range(number: int) -> int:
    return max(-1, min(number, LARGEST_NUMBER))
