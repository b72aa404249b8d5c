"""Reading groups, without the ORM."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.engine import Connection

from lback_cli.models.tables import GROUPS, MEMBERSHIPS

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


_NAMES_AT_ONCE = 500
"""Names in one query."""


class GroupRecord(NamedTuple):
    """A group as stored."""

    id: int
    name: str
    description: str | None
    created_at: datetime
    updated_at: datetime


class GroupReader:
    """Reads groups on one connection, or in a session."""

    def __init__(self, connection: "Connection | Session") -> None:
        self._execute: Callable[..., Any] = connection.execute

    def find_by_name(self, name: str) -> GroupRecord | None:
        """Return the group called *name*."""
        row = self._execute(select(GROUPS).where(GROUPS.c.name == name)).first()
        # MariaDB ignores spaces at the end.
        return None if row is None or row.name != name else GroupRecord._make(row)

    def find_by_names(self, names: Iterable[str]) -> dict[str, GroupRecord]:
        """Return the groups with these *names*, by name."""
        wanted = list(dict.fromkeys(names))
        found: dict[str, GroupRecord] = {}
        for start in range(0, len(wanted), _NAMES_AT_ONCE):
            page = set(wanted[start : start + _NAMES_AT_ONCE])
            records = map(GroupRecord._make, self._execute(select(GROUPS).where(GROUPS.c.name.in_(page))))
            # MariaDB ignores spaces at the end.
            found |= {record.name: record for record in records if record.name in page}
        return found

    def all(self) -> Sequence[GroupRecord]:
        """Return every group."""
        return [GroupRecord._make(row) for row in self._execute(select(GROUPS))]

    def names(self, *, limit: int = 1000) -> Sequence[str]:
        """Return the names of the first groups, by which a misspelt name can be recognised."""
        names: Sequence[str] = self._execute(select(GROUPS.c.name).limit(limit)).scalars().all()
        return names

    def all_with_sizes(self) -> Sequence[tuple[GroupRecord, int]]:
        """Return every group with the number of its members, by name."""
        statement = (
            select(*GROUPS.c, func.count(MEMBERSHIPS.c.user_id))
            .outerjoin(MEMBERSHIPS, MEMBERSHIPS.c.group_id == GROUPS.c.id)
            .group_by(*GROUPS.c)
            .order_by(GROUPS.c.name)
        )
        return [(GroupRecord._make(group), size) for *group, size in self._execute(statement)]

    def member_ids(self, group_id: int) -> Sequence[int]:
        """Return the ids of the members of the group with that id, ascending."""
        statement = select(MEMBERSHIPS.c.user_id).where(MEMBERSHIPS.c.group_id == group_id)
        ids: Sequence[int] = self._execute(statement.order_by(MEMBERSHIPS.c.user_id)).scalars().all()
        return ids

    def size(self, group_id: int) -> int:
        """Return the number of members of the group with that id."""
        statement = select(func.count()).select_from(MEMBERSHIPS).where(MEMBERSHIPS.c.group_id == group_id)
        size: int = self._execute(statement).scalar_one()
        return size
