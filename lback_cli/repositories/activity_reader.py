"""Counting events by hour, reason, actor and user name, and reading those other than logins."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.engine import Connection

from lback_cli.events.kinds import FAILURE_EVENTS
from lback_cli.events.summary import FAILED_LOGIN, KIND_OF, KINDS
from lback_cli.models.tables import EVENTS
from lback_cli.repositories.sql_functions import binary_equal
from lback_cli.repositories.streaming import read_stream
from lback_cli.signals import CATALOGUE

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_PAGE = 1000
_HOUR = len("2026-01-31T12")
_LOGINS = ("user_authenticated", FAILED_LOGIN)
_REASONS = tuple(CATALOGUE[FAILED_LOGIN].reasons)


class OtherEvent(NamedTuple):
    """An event other than a login; *text* is its data as stored, None if it is erased."""

    seq: int
    time: str
    signal: str
    outcome: str | None
    actor: str
    subject_id: int | None
    subject: str | None
    text: str | None


_COLUMNS = (*OtherEvent._fields[:-1], "data")


class FailedLogins(NamedTuple):
    """The failed logins under one user name: how many, how many at night, when the last, and why."""

    name: str | None
    failures: int
    at_night: int
    last: str
    reasons: Mapping[str, int]


class ActivityReader:
    """The events from one time until another, on one connection or in a session.

    Args:
        connection: The connection or session.
        since: The first time, as RFC 3339 text in UTC; None for the beginning of the log.
        until: The time after the last, in the same form; None for the end of the log.
    """

    def __init__(self, connection: "Connection | Session", since: str | None, until: str | None) -> None:
        self._execute: Callable[..., Any] = connection.execute
        self._conditions: list[ColumnElement[bool]] = []
        if since is not None:
            self._conditions.append(EVENTS.c.time >= since)
        if until is not None:
            self._conditions.append(EVENTS.c.time < until)

    def by_hour(self) -> Iterator[tuple[str, str, str | None, int]]:
        """Yield the hour, such as ``2026-01-31T12``, the signal, the outcome and the number of events."""
        parts = (func.substr(EVENTS.c.time, 1, _HOUR), EVENTS.c.signal, EVENTS.c.outcome)
        return self._stream(select(*parts, func.count()).group_by(*parts).order_by(*parts))

    def by_actor(self) -> Iterator[tuple[Any, ...]]:
        """Yield each actor with the number of events of each of `KINDS`, those with most events first."""
        exactly = binary_equal(EVENTS.c.actor)
        actor = func.min(EVENTS.c.actor)
        statement = select(actor, *_counts()).group_by(exactly).order_by(func.count().desc(), actor)
        return self._stream(statement)

    def failed_logins(self, night: Sequence[str], limit: int) -> Sequence[FailedLogins]:
        """Return the failed logins of the user names that have most.

        Args:
            night: The hours that count as night, such as ``23``.
            limit: How many names at most.
        """
        hour = func.substr(EVENTS.c.time, _HOUR - 1, 2)
        at_night = func.sum(case((hour.in_(night), 1), else_=0))
        name = func.min(EVENTS.c.subject)
        by_reason = (func.sum(case((EVENTS.c.outcome == reason, 1), else_=0)) for reason in _REASONS)
        statement = (
            select(name, func.count(), at_night, func.max(EVENTS.c.time), *by_reason)
            .where(EVENTS.c.signal == FAILED_LOGIN, *self._conditions)
            .group_by(binary_equal(EVENTS.c.subject))
            .order_by(func.count().desc(), name)
            .limit(limit)
        )
        return [
            FailedLogins(
                *(name, int(count), int(nightly), last),
                {reason: int(number) for reason, number in zip(_REASONS, counts, strict=True) if number},
            )
            for name, count, nightly, last, *counts in self._execute(statement)
        ]

    def others(self) -> Iterator[OtherEvent]:
        """Yield the events other than logins and failed logins, newest first.

        The connection can run no other query until the iteration ends.
        """
        statement = select(*(EVENTS.c[name] for name in _COLUMNS)).where(EVENTS.c.signal.notin_(_LOGINS))
        return map(OtherEvent._make, self._stream(statement.order_by(EVENTS.c.seq.desc())))

    def _stream(self, statement: Select[*tuple[Any, ...]]) -> Iterator[Any]:
        for page in read_stream(self._execute, statement.where(*self._conditions), size=_PAGE):
            yield from page


def _counts() -> list[ColumnElement[int]]:
    kind = case(
        *((EVENTS.c.signal == signal, name) for signal, name in KIND_OF.items()),
        (EVENTS.c.signal.in_(FAILURE_EVENTS), "failures"),
        else_="changes",
    )
    return [func.sum(case((kind == name, 1), else_=0)) for name in KINDS]
