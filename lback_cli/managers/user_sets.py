"""Operations on several users: one ordinary operation for each, with a result for each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from lback_cli.errors import AmbiguousUser, DatabaseError, LbackError, UserNotFound
from lback_cli.managers.directory import Directory
from lback_cli.managers.user_lookup import not_found, parse_id
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import AttemptState
from lback_cli.repositories.user_query import UserQuery
from lback_cli.repositories.user_reader import UserRecord

NAMED = 3
"""How many names a set shows for all."""

IfMissing = Literal["fail", "skip"]
SetOutcome = Literal["updated", "unchanged", "deleted", "skipped", "failed"]


class Member(NamedTuple):
    """A user of a set.

    *name* is what the caller called the user, if the caller did. There is no *id* if the name identifies no user; then
    there is an *error*.
    """

    name: str | None
    id: int | None
    error: LbackError | None = None


@dataclass(frozen=True, slots=True)
class UserSet:
    """Several users, each of them once.

    Attributes:
        members: The users, and the names that identify none.
        first_names: The user names of the first users.
        count: How many users there are.
        active: How many of them are active.
        total: How many users the database has.
    """

    members: Sequence[Member]
    first_names: Sequence[str]
    count: int
    active: int
    total: int


@dataclass(frozen=True, slots=True)
class SetResult:
    """What an operation did to one user.

    Attributes:
        user: What the caller called the user, or the user name.
        outcome: What the operation did.
        id: The id of the user, if there is one.
        username: The user name before the operation, if there was a user.
        error: Why the operation failed.
    """

    user: str
    outcome: SetOutcome
    id: int | None = None
    username: str | None = None
    error: LbackError | None = None


class UserSets:
    """Selects users and changes each of them in an operation of its own, with its signals and its event.

    The results are those of `UserManager`, except that a failure is a result and not an exception. Only a
    `DatabaseError` is raised, since the other users would fail too.
    """

    def __init__(self, directory: Directory, users: UserManager) -> None:
        self._directory = directory
        self._users = users

    def matching(self, query: UserQuery) -> UserSet:
        """Return the users that meet the conditions of *query*, by id.

        Raises:
            GroupNotFound: There is no such group.
            ValidationError: No database can hold a text of the query.
        """
        members: list[Member] = []
        first_names: list[str] = []
        active = 0
        with self._directory.list_users(query, ("id", "username", "is_active")) as pages:
            for ids, usernames, flags in pages:
                members.extend(Member(None, user_id) for user_id in ids)
                first_names = first_names or list(usernames[:NAMED])
                active += sum(flags)
        return UserSet(members, first_names, len(members), active, self._directory.count_users())

    def named(self, names: Iterable[str]) -> UserSet:
        """Return the users that *names* identify: user names, e-mail addresses or ``id:N``."""
        members: dict[object, Member] = {}
        found: dict[int, UserRecord] = {}
        for name in names:
            user_id = parse_id(name)
            error: LbackError | None = None
            try:
                user = self._directory.find_user(name)
            except DatabaseError:
                raise
            except AmbiguousUser as failure:
                user_id, error = None, failure
            except LbackError as failure:
                # The operation itself reports an id that no user has.
                error = failure if user_id is None else None
            else:
                user_id = user.id
                found[user.id] = user
            members.setdefault(name if user_id is None else user_id, Member(name, user_id, error))
        return UserSet(
            list(members.values()),
            [user.username for user in list(found.values())[:NAMED]],
            len(found),
            sum(user.is_active for user in found.values()),
            self._directory.count_users(),
        )

    def update(
        self, users: UserSet, update_data: Mapping[str, Any], *, if_missing: IfMissing = "fail"
    ) -> Iterator[SetResult]:
        """Apply *update_data* to each of *users*. With *if_missing* ``skip``, a missing user is not a failure."""

        def update(user_id: int, _: UserRecord | None) -> SetOutcome:
            done = AttemptState()
            self._users.update_user(user_id, update_data, effects=done)
            return "updated" if done.changes else "unchanged"

        return self._each(users, update, if_missing)

    def delete(self, users: UserSet, *, if_missing: IfMissing = "fail") -> Iterator[SetResult]:
        """Delete each of *users*; *if_missing* is as for `update`."""

        def delete(user_id: int, _: UserRecord | None) -> SetOutcome:
            self._users.delete_user(user_id)
            return "deleted"

        return self._each(users, delete, if_missing)

    def request_password_reset(self, users: UserSet, *, if_missing: IfMissing = "fail") -> Iterator[SetResult]:
        """Mail each of *users* a reset link; *if_missing* is as for `update`."""

        def request(user_id: int, user: UserRecord | None) -> SetOutcome:
            self._users.reset_password_request(f"id:{user_id}" if user is None else user.email)
            return "updated"

        return self._each(users, request, if_missing)

    def resend_verification(self, users: UserSet, *, if_missing: IfMissing = "fail") -> Iterator[SetResult]:
        """Mail each of *users* a verification link, unless the address is verified; *if_missing* is as for `update`."""

        def resend(user_id: int, _: UserRecord | None) -> SetOutcome:
            return "unchanged" if self._users.resend_verification(user_id).is_email_verified else "updated"

        return self._each(users, resend, if_missing)

    def _each(
        self, users: UserSet, act: Callable[[int, UserRecord | None], SetOutcome], if_missing: IfMissing
    ) -> Iterator[SetResult]:
        skips = if_missing == "skip"
        for member in users.members:
            user = None if member.id is None else self._directory.find_by_id(member.id)
            username = None if user is None else user.username
            name = member.name or username or f"id:{member.id}"
            error = member.error
            outcome: SetOutcome = "failed"
            try:
                if member.id is not None and not (skips and user is None):
                    outcome = act(member.id, user)
                elif error is None:
                    error = not_found(name)
            except DatabaseError:
                raise
            except LbackError as failure:
                error = failure
            if skips and isinstance(error, UserNotFound):
                error, outcome = None, "skipped"
            yield SetResult(name, outcome, member.id, username, error)
