"""Adding users to a group and removing them: one ordinary update for each user."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from lback_cli.errors import LbackError
from lback_cli.managers.directory import Directory
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import AttemptState


@dataclass(frozen=True, slots=True)
class MembershipResult:
    """What an update did to one user.

    Attributes:
        user: What the caller called the user.
        outcome: ``unchanged`` if the user was a member already, or was none.
        id: The id of the user, if the update succeeded.
        username: The user name, if the update succeeded.
        error: Why the update failed.
    """

    user: str
    outcome: Literal["updated", "unchanged", "failed"]
    id: int | None = None
    username: str | None = None
    error: LbackError | None = None


class Memberships:
    """Changes who is a member of a group. Each user is an operation of its own, with its signals and event."""

    def __init__(self, directory: Directory, users: UserManager) -> None:
        self._directory = directory
        self._users = users

    def add(self, group: str, identifiers: Iterable[str]) -> Iterator[MembershipResult]:
        """Add the users to *group*, and yield the result of each.

        Raises:
            GroupNotFound: There is no such group. No user was changed.
        """
        return self._each("add_groups", group, identifiers)

    def remove(self, group: str, identifiers: Iterable[str]) -> Iterator[MembershipResult]:
        """Remove the users from *group*, and yield the result of each.

        Raises:
            GroupNotFound: There is no such group. No user was changed.
        """
        return self._each("remove_groups", group, identifiers)

    def _each(self, change: str, group: str, identifiers: Iterable[str]) -> Iterator[MembershipResult]:
        found, _ = self._directory.find_group(group)
        return (self._update(identifier, {change: [found.name]}) for identifier in identifiers)

    def _update(self, identifier: str, update_data: dict[str, list[str]]) -> MembershipResult:
        done = AttemptState()
        try:
            user = self._users.update_user(self._directory.resolve_id(identifier), update_data, effects=done)
        except LbackError as error:
            return MembershipResult(identifier, "failed", error=error)
        return MembershipResult(identifier, "updated" if done.changes else "unchanged", user.id, user.username)
