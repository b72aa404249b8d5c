"""Reading from the event log what changed, by user, by group or since a moment."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, select
from sqlalchemy.engine import Connection

from lback_cli.events.hash_chain import canonical
from lback_cli.events.kinds import ADMINISTRATIVE, FAILURE_EVENTS, GROUP_EVENTS, INDEXED
from lback_cli.events.past import CHANGES, Change, says_changes
from lback_cli.events.record import to_storable_text
from lback_cli.models.tables import EVENTS
from lback_cli.repositories.sql_functions import binary_equal, binary_position, is_among
from lback_cli.repositories.streaming import read_stream

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_JOB = re.compile('"job":"([^"]*)"')

_PAGE = 1000
"""Events fetched at a time."""

_CHUNK = 500
"""Ids in one statement."""

_CHANGE = select(EVENTS.c.seq, EVENTS.c.signal, EVENTS.c.subject_id, EVENTS.c.data)
_SUCCEEDED = EVENTS.c.signal.notin_(FAILURE_EVENTS)
_OF_USERS = (EVENTS.c.subject_id.is_not(None), _SUCCEEDED)
# SQLite uses the partial index only for exactly its own condition, in this order and without parameters.
_INDEXED_SIGNALS: BindParameter[str] = bindparam("indexed", sorted(INDEXED), expanding=True, literal_execute=True)
_INDEXED = EVENTS.c.signal.in_(_INDEXED_SIGNALS)

_NO_CHANGES = f"{CHANGES}{{}}"
"""How the data of an event begins that says that nothing changed."""

_SAYS_CHANGES = func.coalesce(func.substr(EVENTS.c.data, 1, len(_NO_CHANGES)), "") != _NO_CHANGES
"""Leaves out logins, unchanged users and the like, which are most events of many logs."""
# This order is the fastest: the condition before the last leaves out most events.
_CHANGES_OF_USERS = (EVENTS.c.subject_id.is_not(None), _SAYS_CHANGES, _SUCCEEDED)


class Touched(NamedTuple):
    """A user whom an event may have changed. It *is_complete* unless it is of a version that recorded no changes."""

    user_id: int
    signal: str
    is_complete: bool


class Found(NamedTuple):
    """The number of an event, its name, the user that it is about, and the invocation."""

    seq: int
    signal: str
    subject_id: int | None
    invocation_id: str


class ChangeReader:
    """The changes in the event log, on one connection or in a session."""

    def __init__(self, connection: "Connection | Session") -> None:
        self._execute: Callable[..., Any] = connection.execute

    def first_after(self, time: str) -> int | None:
        """Return the number of the first event later than *time*, RFC 3339 text in UTC; None if there is none."""
        later = select(EVENTS.c.seq).where(EVENTS.c.time > time).order_by(EVENTS.c.time, EVENTS.c.seq).limit(1)
        found: int | None = self._execute(later).scalar()
        return found

    def last(self) -> int:
        """Return the number of the last event; 0 if there is none."""
        return self._execute(select(func.max(EVENTS.c.seq))).scalar() or 0

    def time_of(self, seq: int) -> str | None:
        """Return when event *seq* was recorded; None if there is no such event."""
        found: str | None = self._execute(select(EVENTS.c.time).where(EVENTS.c.seq == seq)).scalar()
        return found

    def of_tables(self, since: int) -> Sequence[Change]:
        """Return the adoptions and upgrades of the tables from event *since* on, newest first."""
        tables = EVENTS.c.signal.in_(("database_adopted", "schema_upgraded"))
        statement = _CHANGE.where(_INDEXED, tables, EVENTS.c.seq >= since)
        return [Change(*row) for row in self._execute(statement.order_by(EVENTS.c.seq.desc()))]

    def last_incomplete(self) -> int:
        """Return the number of the last event of a success that does not say what changed; 0 if there is none."""
        lacks_changes = func.substr(EVENTS.c.data, 1, len(CHANGES)) != CHANGES
        statement = select(func.max(EVENTS.c.seq)).where(*_OF_USERS, EVENTS.c.signal.notin_(ADMINISTRATIVE))
        return self._execute(statement.where(lacks_changes)).scalar() or 0

    def touched(self, since: int) -> Iterator[Touched]:
        """Yield whom events may have changed, from event *since* on and in the order of the log.

        The connection can run no other query until the iteration ends.
        """
        beginning = func.substr(EVENTS.c.data, 1, len(CHANGES))
        statement = select(EVENTS.c.subject_id, EVENTS.c.signal, beginning).where(*_CHANGES_OF_USERS)
        statement = statement.where(EVENTS.c.seq >= since).order_by(EVENTS.c.seq)
        for page in read_stream(self._execute, statement, size=_PAGE):
            for user_id, signal, text in page:
                yield Touched(user_id, signal, says_changes(signal, text))

    def every_nth_subject(self, number: int) -> list[int]:
        """Return ids between which there are about *number* events, in their order."""
        found: list[int] = []
        while True:
            after = found[-1] if found else 0
            statement = select(EVENTS.c.subject_id).where(EVENTS.c.subject_id > after).order_by(EVENTS.c.subject_id)
            next_id = self._execute(statement.offset(number - 1).limit(1)).scalar()
            if next_id is None:
                return found
            found.append(next_id)

    def of_users(self, ids: Sequence[int]) -> dict[int, list[Change]]:
        """Return the events that say what changed of the users with these *ids*, by id and in the order of the log."""
        found: dict[int, list[Change]] = {}
        for start in range(0, len(ids), _CHUNK):
            chunk = ids[start : start + _CHUNK]
            for change in self._changes(_CHANGE.where(is_among(EVENTS.c.subject_id, chunk), _SAYS_CHANGES, _SUCCEEDED)):
                found.setdefault(change.subject_id or 0, []).append(change)
        return found

    def of_all_users(self) -> Iterator[tuple[int, str, int, str | None]]:
        """Yield the columns of the events that say what changed of a user, in any order, which is the fastest.

        The connection can run no other query until the iteration ends.
        """
        for page in read_stream(self._execute, _CHANGE.where(*_CHANGES_OF_USERS), size=_PAGE):
            yield from page

    def find(
        self,
        *,
        numbers: Sequence[int] | None = None,
        operation_id: str | None = None,
        invocation_id: str | None = None,
        signals: Sequence[str] | None = None,
        after: int = 0,
    ) -> list[Found]:
        """Return the events that meet all conditions and follow event *after*, in the order of the log."""
        columns = (EVENTS.c.seq, EVENTS.c.signal, EVENTS.c.subject_id, EVENTS.c.invocation_id)
        statement = select(*columns).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq)
        for column, value in ((EVENTS.c.operation_id, operation_id), (EVENTS.c.invocation_id, invocation_id)):
            if value is not None:
                statement = statement.where(binary_equal(column) == to_storable_text(value))
        if signals is not None:
            statement = statement.where(EVENTS.c.signal.in_(signals))
        if numbers is None:
            return [Found._make(row) for row in self._execute(statement)]
        chunks = (numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK))
        statements = (statement.where(is_among(EVENTS.c.seq, chunk)) for chunk in chunks)
        return [Found._make(row) for each in statements for row in self._execute(each)]

    def of_import(self, job: str) -> list[Found]:
        """Return the events with which processes began, resumed or ended the import *job*, in the order of the log."""
        columns = (EVENTS.c.seq, EVENTS.c.signal, EVENTS.c.subject_id, EVENTS.c.invocation_id)
        named = binary_position(EVENTS.c.data, f'"job":{canonical(to_storable_text(job))}') > 0
        is_import = EVENTS.c.signal.in_(("import_started", "import_finished"))
        statement = select(*columns).where(_INDEXED, is_import, named)
        return [Found._make(row) for row in self._execute(statement.order_by(EVENTS.c.seq))]

    def import_jobs(self) -> list[tuple[int, str]]:
        """Return the number and the job of each event with which a process began, resumed or ended an import."""
        is_import = EVENTS.c.signal.in_(("import_started", "import_finished"))
        statement = select(EVENTS.c.seq, EVENTS.c.data).where(EVENTS.c.subject_id.is_(None), is_import)
        return [(seq, found[1]) for seq, data in self._execute(statement) if (found := _JOB.search(data or ""))]

    def numbered(self, numbers: Sequence[int]) -> dict[int, Change]:
        """Return the events with these *numbers*, by number."""
        rows = self._execute(_CHANGE.where(is_among(EVENTS.c.seq, numbers)))
        return {row.seq: Change(*row) for row in rows}

    def first_logins(self, ids: Sequence[int], after: int) -> dict[int, int]:
        """Return the first login after event *after* of each of the users with these *ids* who logged in since."""
        logins = (
            select(EVENTS.c.subject_id, func.min(EVENTS.c.seq))
            .where(is_among(EVENTS.c.subject_id, ids), EVENTS.c.signal == "user_authenticated", EVENTS.c.seq > after)
            .group_by(EVENTS.c.subject_id)
        )
        return {user_id: seq for user_id, seq in self._execute(logins)}  # noqa: C416 - rows, not pairs

    def of_groups(self) -> list[Change]:
        """Return all changes of groups, in the order of the log."""
        return list(self._changes(_CHANGE.where(_INDEXED, EVENTS.c.signal.in_(GROUP_EVENTS))))

    def formerly_called(self, field: Literal["username", "email"], name: str, since: int) -> list[int]:
        """Return the ids of the users who lost the user name or address *name* from event *since* on, newest first."""
        text = f'"{field}":{{"from":{canonical(to_storable_text(name))}'
        lost: ColumnElement[bool] = binary_position(EVENTS.c.data, text) > 0
        statement = _CHANGE.where(*_OF_USERS, EVENTS.c.seq >= since, lost)
        return list(dict.fromkeys(change.subject_id or 0 for change in reversed([*self._changes(statement)])))

    def _changes(self, statement: Select[Any]) -> Iterator[Change]:
        for row in self._execute(statement.order_by(EVENTS.c.seq)):
            change = Change(*row)
            if not change.is_empty:
                yield change
