"""Reading from the event log who joined which group, and when users logged in."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select
from sqlalchemy.engine import Connection

from lback_cli.events.grants import MembershipEvent
from lback_cli.events.kinds import CREATIONS, DELETIONS
from lback_cli.models.tables import EVENTS
from lback_cli.repositories.sql_functions import binary_position, is_among

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

COLUMNS = (EVENTS.c.seq, EVENTS.c.time, EVENTS.c.actor, EVENTS.c.signal, EVENTS.c.subject_id, EVENTS.c.data)
"""The columns of a `MembershipEvent`."""

NAMES_GROUPS = binary_position(EVENTS.c.data, '"groups":') > 0
"""Whether an event may say that a user joined or left a group."""


class AccessReader:
    """The events about memberships and logins of some users, on one connection or in a session."""

    def __init__(self, connection: "Connection | Session") -> None:
        self._execute: Callable[..., Any] = connection.execute

    def memberships(self, ids: Sequence[int], before: int | None) -> dict[int, list[MembershipEvent]]:
        """Return the events that may have changed the groups of the users with these *ids*, by id.

        Args:
            ids: The users, as many as one statement can have.
            before: The number of the event after the last; None for all.
        """
        is_change = or_(
            EVENTS.c.signal.in_((*CREATIONS, *DELETIONS)), (EVENTS.c.signal == "user_updated") & NAMES_GROUPS
        )
        statement = select(*COLUMNS).where(is_among(EVENTS.c.subject_id, ids), is_change)
        if before is not None:
            statement = statement.where(EVENTS.c.seq < before)
        found: dict[int, list[MembershipEvent]] = {}
        for row in self._execute(statement.order_by(EVENTS.c.seq)):
            found.setdefault(row[4], []).append(MembershipEvent._make(row))
        return found

    def last_logins(self, ids: Sequence[int], before: int) -> dict[int, str]:
        """Return the times of the last logins before event *before* of the users with these *ids*, by id."""
        statement = (
            select(EVENTS.c.subject_id, func.max(EVENTS.c.time))
            .where(is_among(EVENTS.c.subject_id, ids), EVENTS.c.signal == "user_authenticated", EVENTS.c.seq < before)
            .group_by(EVENTS.c.subject_id)
        )
        return {user_id: time for user_id, time in self._execute(statement)}  # noqa: C416 - rows, not pairs
