"""Operations on several users: one ordinary operation for each, with a result for each."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from lback_cli.database.engine import Database
from lback_cli.errors import AmbiguousUser, DatabaseError, LbackError, UserNotFound
from lback_cli.managers.bulk_deletion import BulkDeletion
from lback_cli.managers.bulk_update import BulkUpdate
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.user_lookup import not_found, parse_id
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import CHUNK, AttemptState, retried_together
from lback_cli.repositories.unit_of_work import UnitOfWork, transaction_with_events
from lback_cli.repositories.user_query import UserQuery
from lback_cli.repositories.user_reader import UserRecord

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

NAMED = 3
"""How many names a set shows for all."""

IfMissing = Literal["fail", "skip"]
SetOutcome = Literal["updated", "unchanged", "deleted", "skipped", "failed"]
Results = Sequence["SetResult"]
"""The results of the users whom one transaction has changed."""

Outcomes = dict[int, SetOutcome | LbackError]
_Found = Mapping[int, UserRecord]
_Effects = Mapping[int, AttemptState]
ChunkAction = Callable[[UnitOfWork, Sequence[int], _Found, _Effects], Outcomes]
"""Runs the operations on the users with some ids in one transaction, and returns what each did, or why it failed."""


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

    Updates and deletions of up to `CHUNK` users share a transaction. An operation that sends mail has a transaction of
    its own, so that no mail is sent for a change that is rolled back with others.

    The results are those of `UserManager`, except that a failure is a result and not an exception. Only a
    `DatabaseError` is raised, since the other users would fail too. Results are returned once they are committed.
    """

    def __init__(
        self, database: Database, services: Dependencies, users: UserManager, session: "Session | None" = None
    ) -> None:
        """With *session*, all of it is a part of the caller's transaction."""
        self._database = database
        self._session = session
        self._directory = Directory(database, services)
        self._users = users
        self._services = services

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
    ) -> Iterator[Results]:
        """Apply *update_data* to each of *users*. With *if_missing* ``skip``, a missing user is not a failure."""
        bulk = BulkUpdate(self._users, self._services, update_data)

        def update(uow: UnitOfWork, ids: Sequence[int], found: _Found, effects: _Effects) -> Outcomes:
            return {
                user_id: error or ("updated" if effects[user_id].changes else "unchanged")
                for user_id, error in bulk.run(uow, ids, found, effects).items()
            }

        return self._in_chunks(users, update, if_missing)

    def delete(self, users: UserSet, *, if_missing: IfMissing = "fail") -> Iterator[Results]:
        """Delete each of *users*; *if_missing* is as for `update`."""
        bulk = BulkDeletion(self._users, self._services)

        def delete(uow: UnitOfWork, ids: Sequence[int], found: _Found, effects: _Effects) -> Outcomes:
            return {user_id: error or "deleted" for user_id, error in bulk.run(uow, ids, found, effects).items()}

        return self._in_chunks(users, delete, if_missing)

    def request_password_reset(self, users: UserSet, *, if_missing: IfMissing = "fail") -> Iterator[Results]:
        """Mail each of *users* a reset link; *if_missing* is as for `update`."""

        def request(user_id: int, user: UserRecord | None) -> SetOutcome:
            self._users.reset_password_request(f"id:{user_id}" if user is None else user.email)
            return "updated"

        return self._each(users, request, if_missing)

    def resend_verification(self, users: UserSet, *, if_missing: IfMissing = "fail") -> Iterator[Results]:
        """Mail each of *users* a verification link, unless the address is verified; *if_missing* is as for `update`."""

        def resend(user_id: int, _: UserRecord | None) -> SetOutcome:
            return "unchanged" if self._users.resend_verification(user_id).is_email_verified else "updated"

        return self._each(users, resend, if_missing)

    def _in_chunks(self, users: UserSet, act: ChunkAction, if_missing: IfMissing) -> Iterator[Results]:
        for start in range(0, len(users.members), CHUNK):
            yield self._run_chunk(users.members[start : start + CHUNK], act, if_missing)

    def _run_chunk(self, members: Sequence[Member], act: ChunkAction, if_missing: IfMissing) -> list[SetResult]:
        effects = {member.id: AttemptState() for member in members if member.id is not None}

        def attempt() -> tuple[dict[int, UserRecord], Outcomes]:
            with transaction_with_events(self._database, self._session) as uow:
                uow.users.lock_all([*effects])
                found = uow.users.find_all([*effects])
                # Who was found by an earlier attempt has an operation, which must end.
                ids = [each for each in effects if if_missing == "fail" or each in found or effects[each].sent]
                return found, act(uow, ids, found, effects)

        found, outcomes = retried_together(attempt, effects.values()) if self._session is None else attempt()
        results = []
        for member in members:
            user = found.get(member.id or 0)
            username = None if user is None else user.username
            name = member.name or username or f"id:{member.id}"
            outcome = outcomes.get(member.id or 0, member.error or not_found(name))
            results.append(_result(name, member.id, username, outcome, if_missing))
        return results

    def _each(
        self, users: UserSet, act: Callable[[int, UserRecord | None], SetOutcome], if_missing: IfMissing
    ) -> Iterator[Results]:
        for member in users.members:
            user = None if member.id is None else self._directory.find_by_id(member.id)
            username = None if user is None else user.username
            name = member.name or username or f"id:{member.id}"
            outcome: SetOutcome | LbackError = member.error or not_found(name)
            if member.id is not None and (user is not None or if_missing == "fail"):
                try:
                    outcome = act(member.id, user)
                except DatabaseError:
                    raise
                except LbackError as failure:
                    outcome = failure
            yield [_result(name, member.id, username, outcome, if_missing)]


def _result(
    name: str, user_id: int | None, username: str | None, outcome: SetOutcome | LbackError, if_missing: IfMissing
) -> SetResult:
    if not isinstance(outcome, LbackError):
        return SetResult(name, outcome, user_id, username)
    if if_missing == "skip" and isinstance(outcome, UserNotFound):
        return SetResult(name, "skipped", user_id, username)
    return SetResult(name, "failed", user_id, username, outcome)
