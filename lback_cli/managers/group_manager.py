"""Groups: making, deleting and listing them. Membership changes with the user, by `UserManager.update_user`."""

from collections.abc import Sequence

from lback_cli.database.engine import Database
from lback_cli.database.retry import MAX_ATTEMPTS, retried
from lback_cli.errors import LastAdministrator, Refused, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_group, group_name_variants
from lback_cli.models import Group
from lback_cli.repositories.unit_of_work import reading, transaction
from lback_cli.text.escaping import first_unsafe_character

LONGEST_DESCRIPTION = 1000
"""Characters that the description of a group may have."""


class GroupManager:
    """Creates, deletes and lists groups. The document gives groups no signals, so none are sent."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services

    def create_group(self, name: str, *, description: str | None = None) -> Group:
        """Make a group. Raises `ValidationError` or `GroupExists`."""
        canonical = self._services.canonical_group_name(name)
        if description is not None:
            _check_description(description)

        def change() -> Group:
            with transaction(self._database, tries=MAX_ATTEMPTS) as work:
                return work.groups.add(canonical, description=description, now=self._services.now())

        return retried(change)

    def delete_group(self, name: str) -> Group:
        """Delete a group; its members lose the membership and nothing else.

        Raises `GroupNotFound`, `LastAdministrator` for the administrators' group while it has an active member, or
        `Refused` for the group that every new user joins.
        """
        users = self._services.settings.users

        def change() -> Group:
            with transaction(self._database, tries=MAX_ATTEMPTS) as work:
                group = find_group(work.groups, self._services, name, lock=True)
                if group.name in group_name_variants(self._services, users.default_group):
                    raise Refused(
                        f"{group.name!r} is the group that every new user joins.",
                        hint="Change users.default_group first.",
                    )
                administers = group.name in group_name_variants(self._services, users.admin_group)
                if administers and work.users.count_active(group):
                    raise LastAdministrator(f"{group.name!r} still has active administrators.")
                work.groups.delete(group)
            return group

        return retried(change)

    def list_groups(self) -> Sequence[tuple[Group, int]]:
        """Every group with the number of its members, by name."""
        with reading(self._database) as work:
            return work.groups.all_with_sizes()

    def find_group(self, name: str) -> tuple[Group, int]:
        """The group called *name* with the number of its members. Raises `GroupNotFound`."""
        with reading(self._database) as work:
            group = find_group(work.groups, self._services, name)
            return group, work.groups.size(group)


def _check_description(text: str) -> None:
    if len(text) > LONGEST_DESCRIPTION:
        raise ValidationError("description", f"The description has more than {LONGEST_DESCRIPTION} characters.")
    if (hidden := first_unsafe_character(text)) is not None:
        raise ValidationError(
            "description",
            f"The description contains the invisible character U+{ord(hidden):04X}.",
            hint="Use one line of plain text.",
        )
