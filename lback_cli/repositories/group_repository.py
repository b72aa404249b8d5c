"""Queries on groups."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lback_cli.errors import GroupExists
from lback_cli.models import Group, memberships
from lback_cli.repositories.bulk_insert import insert_rows


class GroupRepository:
    """Groups in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def find(self, name: str, *, lock: bool = False) -> Group | None:
        """The group called *name*; *lock* keeps others from locking it until the transaction ends."""
        statement = select(Group).where(Group.name == name)
        group = self._session.scalars(statement.with_for_update() if lock else statement).first()
        # MariaDB compares without spaces at the end.
        return group if group is not None and group.name == name else None

    def add(self, name: str, *, description: str | None = None, now: datetime) -> Group:
        """Insert a group. Raises `GroupExists`: the unique index decides."""
        try:
            return self._insert(name, description, now)
        except IntegrityError as error:
            raise GroupExists(f"The group {name!r} exists already.") from error

    def get_or_add(self, name: str, *, now: datetime) -> Group:
        """The group called *name*, made if it is missing.

        Raises IntegrityError where somebody made it meanwhile and this transaction's snapshot does not have it.
        """
        if (found := self.find(name)) is not None:
            return found
        try:
            return self._insert(name, None, now)
        except IntegrityError:
            if (found := self.find(name)) is None:
                raise
            return found

    def _insert(self, name: str, description: str | None, now: datetime) -> Group:
        group = Group(name=name, description=description, created_at=now, updated_at=now)
        with self._session.begin_nested():
            self._session.add(group)
        return group

    def add_members(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Make members of groups: (user id, group id)."""
        insert_rows(self._session, memberships, ("user_id", "group_id"), pairs)

    def delete(self, group: Group) -> None:
        """Delete *group*; its members lose the membership."""
        self._session.execute(delete(memberships).where(memberships.c.group_id == group.id))
        self._session.delete(group)
        self._session.flush()

    def all_with_sizes(self) -> Sequence[tuple[Group, int]]:
        """Every group with the number of its members, by name."""
        statement = (
            select(Group, func.count(memberships.c.user_id))
            .outerjoin(memberships, memberships.c.group_id == Group.id)
            .group_by(Group.id)
            .order_by(Group.name)
        )
        return [(group, size) for group, size in self._session.execute(statement)]

    def size(self, group: Group) -> int:
        """How many members *group* has."""
        statement = select(func.count()).select_from(memberships).where(memberships.c.group_id == group.id)
        return self._session.scalars(statement).one()
