"""Creating, renaming and deleting groups. `UserManager.update_user` changes who is a member."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Literal, overload

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.errors import GroupExists, GroupNotFound, LastAdministrator, Refused, ValidationError
from lback_cli.events.record import administrative_event, random_ids
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_changes import created, deleted, updated
from lback_cli.managers.user_lookup import find_group, find_group_records, group_name_variants
from lback_cli.models import Group
from lback_cli.repositories.unit_of_work import UnitOfWork, transaction_with_events
from lback_cli.text.escaping import first_unsafe_character

LONGEST_DESCRIPTION = 1000
"""Characters of a description."""


class GroupManager:
    """Creates, renames and deletes groups. No documented signal is about groups, so none is sent."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services

    @overload
    def create_group(
        self, name: str, *, description: str | None = None, session: Session | None = None, undoes: int | None = None
    ) -> Group: ...

    @overload
    def create_group(
        self,
        name: str,
        *,
        description: str | None = None,
        if_exists: Literal["fail", "skip"],
        session: Session | None = None,
    ) -> Group | None: ...

    def create_group(
        self,
        name: str,
        *,
        description: str | None = None,
        if_exists: Literal["fail", "skip"] = "fail",
        session: Session | None = None,
        undoes: int | None = None,
    ) -> Group | None:
        """Create a group.

        Args:
            name: The name of the group.
            description: What the group is for.
            if_exists: What to do when the name is taken: ``fail`` with `GroupExists`, or ``skip``.
            session: The caller's transaction, if the change is to be a part of it.
            undoes: The number of the event that this undoes, for the new event.

        Returns:
            The group, or None if it was skipped.

        Raises:
            ValidationError: The name or the description is not allowed.
            GroupExists: There is a group with that name.
        """
        canonical = self._services.canonical_group_name(name)
        if description is not None:
            check_description(description)

        def change(uow: UnitOfWork) -> Group:
            group = uow.groups.add(canonical, description=description, now=self._services.now())
            uow.events.append([administrative_event("group_created", "create_group", created(group, undoes=undoes))])
            return group

        try:
            return self._run(change, session)
        except GroupExists:
            if if_exists == "skip":
                return None
            raise

    def rename_group(self, name: str, new_name: str, *, undoes: int | None = None) -> Group:
        """Give a group another name. Its members and its id stay. *undoes* is as for `create_group`.

        Raises:
            ValidationError: The new name is not allowed.
            GroupNotFound: There is no group called *name*.
            GroupExists: Another group has the new name.
            Refused: The configuration names the group, as the default group or the administrators' group.
        """
        canonical = self._services.canonical_group_name(new_name)

        def change(uow: UnitOfWork) -> Group:
            group = find_group(uow.groups, self._services, name, lock=True)
            if group.name == canonical:
                return group
            self._refuse_if_configured(group)
            before = {"name": group.name}
            uow.groups.rename(group, canonical, now=self._services.now())
            data = updated(group, before, undoes=undoes)
            uow.events.append([administrative_event("group_updated", "rename_group", data)])
            return group

        return self._run(change, None)

    def describe_group(
        self, name: str, description: str, *, session: Session | None = None, undoes: int | None = None
    ) -> Group:
        """Give a group another description; *session* and *undoes* are as for `create_group`.

        Raises:
            ValidationError: The description is not allowed.
            GroupNotFound: There is no such group.
        """
        check_description(description)

        def change(uow: UnitOfWork) -> Group:
            group = find_group(uow.groups, self._services, name, lock=True)
            if (group.description or "") == description:
                return group
            before = {"description": group.description}
            uow.groups.describe(group, description or None, now=self._services.now())
            data = updated(group, before, undoes=undoes)
            uow.events.append([administrative_event("group_updated", "describe_group", data)])
            return group

        return self._run(change, session)

    @overload
    def delete_group(self, name: str, *, session: Session | None = None, undoes: int | None = None) -> Group: ...

    @overload
    def delete_group(
        self, name: str, *, if_missing: Literal["fail", "skip"], session: Session | None = None
    ) -> Group | None: ...

    def delete_group(
        self,
        name: str,
        *,
        if_missing: Literal["fail", "skip"] = "fail",
        session: Session | None = None,
        undoes: int | None = None,
    ) -> Group | None:
        """Delete a group; its members lose the membership and nothing else.

        Args:
            name: The name of the group.
            if_missing: What to do when there is no such group: ``fail`` with `GroupNotFound`, or ``skip``.
            session: As for `create_group`.
            undoes: As for `create_group`.

        Returns:
            The group as it was, or None if it was skipped.

        Raises:
            GroupNotFound: There is no such group.
            LastAdministrator: It is the administrators' group and has an active member.
            Refused: It is the default group.
        """

        def change(uow: UnitOfWork) -> Group:
            group = find_group(uow.groups, self._services, name, lock=True)
            self._refuse_default(group)
            if self._administers(group) and uow.users.count_active(group):
                raise LastAdministrator(f"{group.name!r} still has active administrators.")
            operation_id = random_ids(1)[0]
            events = [
                administrative_event(name, "delete_group", data, operation_id=operation_id)
                for name, data in deleted(group, uow.groups.member_ids(group.id), undoes=undoes)
            ]
            uow.groups.delete(group)
            uow.events.append(events)
            return group

        try:
            return self._run(change, session)
        except GroupNotFound:
            if if_missing == "skip":
                return None
            raise

    def _run(self, change: Callable[[UnitOfWork], Group], session: Session | None) -> Group:
        """Make *change* in the caller's transaction, or in a new one that is retried."""

        def attempt() -> Group:
            with transaction_with_events(self._database, session) as uow:
                return change(uow)

        return retried(attempt) if session is None else attempt()

    def _refuse_if_configured(self, group: Group) -> None:
        self._refuse_default(group)
        if self._administers(group):
            raise Refused(
                f"{group.name!r} is the administrators' group; its members would lose their rights.",
                hint="Change users.admin_group first.",
            )

    def _refuse_default(self, group: Group) -> None:
        if group.name in group_name_variants(self._services, self._services.settings.users.default_group):
            raise Refused(
                f"{group.name!r} is the group that every new user joins.", hint="Change users.default_group first."
            )

    def _administers(self, group: Group) -> bool:
        return group.name in group_name_variants(self._services, self._services.settings.users.admin_group)


def create_missing_groups(uow: UnitOfWork, services: Dependencies, names: Iterable[str]) -> list[str]:
    """Create those of the groups called *names* that do not exist, in the transaction of *uow*.

    A name that no group can have is passed over.

    Returns:
        The names of the created groups, in canonical form.
    """
    wanted = list(names)
    existing = find_group_records(uow.groups, services, wanted)
    missing: dict[str, None] = {}
    for name in wanted:
        if name not in existing:
            with suppress(ValidationError):
                missing[services.canonical_group_name(name)] = None
    new = uow.groups.add_missing(list(missing), now=services.now()) if missing else []
    uow.events.append([administrative_event("group_created", "create_group", created(group)) for group in new])
    return [group.name for group in new]


def check_description(text: str) -> str:
    """Return the description of a group as it is.

    Raises:
        ValidationError: It is not allowed.
    """
    if len(text) > LONGEST_DESCRIPTION:
        raise ValidationError("description", f"The description has more than {LONGEST_DESCRIPTION} characters.")
    if (hidden := first_unsafe_character(text)) is not None:
        raise ValidationError(
            "description",
            f"The description contains the invisible character U+{ord(hidden):04X}.",
            hint="Use one line of plain text.",
        )
    return text
