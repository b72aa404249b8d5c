"""Queries on groups."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lback_cli.errors import GroupExists
from lback_cli.models import Group
from lback_cli.models.tables import GROUPS, MEMBERSHIPS
from lback_cli.repositories.bulk_insert import driver_form, insert_rows
from lback_cli.repositories.group_reader import GroupReader, GroupRecord
from lback_cli.repositories.references import unreferenced


class GroupRepository(GroupReader):
    """Groups in one session, mapped."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session

    def find(self, name: str, *, lock: bool = False) -> Group | None:
        """Return the group called *name*; *lock* keeps other transactions from locking it until this one ends."""
        statement = select(Group).where(Group.name == name)
        group = self._session.scalars(statement.with_for_update() if lock else statement).first()
        # MariaDB ignores spaces at the end.
        return group if group is not None and group.name == name else None

    def add(self, name: str, *, description: str | None = None, now: datetime) -> Group:
        """Insert a group.

        Raises:
            GroupExists: The unique index has the name already.
        """
        try:
            return self._insert(name, description, now)
        except IntegrityError as error:
            raise GroupExists(name) from error

    def get_or_add(self, name: str, *, now: datetime) -> tuple[Group, bool]:
        """Return the group called *name*, created if it is missing, and whether it was created.

        Raises:
            IntegrityError: Another transaction has created it, and this one's snapshot does not show it.
        """
        if (found := self.find(name)) is not None:
            return found, False
        try:
            return self._insert(name, None, now), True
        except IntegrityError:
            if (found := self.find(name)) is None:
                raise
            return found, False

    def add_missing(self, names: Sequence[str], *, now: datetime) -> Sequence[GroupRecord]:
        """Insert groups called *names*, all different, and return those that did not exist.

        Raises:
            IntegrityError: As for `get_or_add`.
        """
        try:
            with self._session.begin_nested():
                moment = driver_form(self._session, GROUPS, "created_at")(now)
                rows = [(name, moment, moment) for name in names]
                insert_rows(self._session, GROUPS, ("name", "created_at", "updated_at"), rows)
        except IntegrityError:
            names = [name for name in names if self.get_or_add(name, now=now)[1]]
        found = self.find_by_names(names)
        return [found[name] for name in names]

    def _insert(self, name: str, description: str | None, now: datetime) -> Group:
        group = Group(name=name, description=description, created_at=now, updated_at=now)
        with self._session.begin_nested():
            self._session.add(group)
        return group

    def rename(self, group: Group, name: str, *, now: datetime) -> None:
        """Give *group* another name.

        Raises:
            GroupExists: The unique index has the name already.
        """
        try:
            with self._session.begin_nested():
                group.name, group.updated_at = name, now
        except IntegrityError as error:
            raise GroupExists(name) from error

    def describe(self, group: Group, description: str | None, *, now: datetime) -> None:
        """Give *group* another description."""
        group.description, group.updated_at = description, now
        self._session.flush()

    def touch(self, group: Group, *, now: datetime) -> None:
        """Write the row of *group*, so that concurrent transactions that do the same conflict in a cluster too."""
        self._session.execute(update(GROUPS).where(GROUPS.c.id == group.id).values(updated_at=now))

    def add_members(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Add memberships: (user id, group id)."""
        insert_rows(self._session, MEMBERSHIPS, ("user_id", "group_id"), pairs)

    def remove_members(self, group_ids: Sequence[int], user_ids: Sequence[int]) -> None:
        """Remove the users with *user_ids* from the groups with *group_ids*."""
        if group_ids:
            mine = MEMBERSHIPS.c.user_id.in_(user_ids)
            self._session.execute(delete(MEMBERSHIPS).where(mine, MEMBERSHIPS.c.group_id.in_(group_ids)))

    def delete(self, group: Group) -> None:
        """Delete *group* and its memberships.

        Raises:
            StillReferenced: Rows of the application refer to *group*.
        """
        self._session.execute(delete(MEMBERSHIPS).where(MEMBERSHIPS.c.group_id == group.id))
        with unreferenced(self._session, GROUPS, group.id, group.name):
            self._session.execute(delete(Group).where(Group.id == group.id))
        self._session.expunge(group)
