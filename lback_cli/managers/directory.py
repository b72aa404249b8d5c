"""Finding users, without changing any."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.errors import UserNotFound, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_by_identifier, find_group, find_user, parse_id
from lback_cli.models import User
from lback_cli.repositories.unit_of_work import UnitOfWork, reading
from lback_cli.repositories.user_repository import UserQuery, UserRepository, UserRow
from lback_cli.text.escaping import safe


class UserDirectory:
    """Finds users by what a person types. Looking sends no signal."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services

    def find_user(self, identifier: str, *, session: Session | None = None) -> User:
        """The user meant by a user name, an e-mail address or ``id:N``. Raises `UserNotFound`."""
        with reading(self._database, session) as work:
            return find_user(work.users, self._services, identifier)

    def find_by_username(self, username: str) -> User | None:
        """The user with that name, in any spelling that means the same."""
        with reading(self._database) as work:
            return find_by_identifier(work.users, self._services, username) if "@" not in username else None

    def exists(self, identifier: str) -> bool:
        """Whether *identifier* means anybody."""
        try:
            self.find_user(identifier)
        except UserNotFound:
            return False
        return True

    def resolve_id(self, identifier: str) -> int:
        """The id of the user meant; ``id:N`` is N, whoever has it. Raises `UserNotFound`."""
        user_id = parse_id(identifier)
        return self.find_user(identifier).id if user_id is None else user_id

    def resolve_email(self, identifier: str) -> str:
        """The address of the user meant; an address, and an ``id:N`` that nobody has, stay as they are.

        Raises `UserNotFound` for a name that nobody has.
        """
        if "@" in identifier:
            return identifier
        try:
            return self.find_user(identifier).email
        except UserNotFound:
            if parse_id(identifier) is None:
                raise
            return identifier

    @contextlib.contextmanager
    def select_users(self, query: UserQuery) -> Iterator["UserPage"]:
        """The users that *query* describes, as they come from the database, for as long as the block lasts.

        Raises `GroupNotFound`, so that a misspelt group is not taken for an empty one, and `ValidationError` for text
        that no database can hold.
        """
        with self._selecting(query) as (work, found):
            yield UserPage(found, work.users)

    @contextlib.contextmanager
    def select_stored(self, query: UserQuery) -> Iterator[Iterator[Sequence[UserRow]]]:
        """Like `select_users`, for all who have to be read however many they are: in pages, without a next one."""
        with self._selecting(query) as (work, found):
            yield work.users.select_stored(found)

    @contextlib.contextmanager
    def _selecting(self, query: UserQuery) -> Iterator[tuple[UnitOfWork, UserQuery]]:
        for name in ("search", "prefix", "after"):
            _check_encodable(name, getattr(query, name))
        with reading(self._database) as work:
            if query.group is not None:
                query = replace(query, group=find_group(work.groups, self._services, query.group).name)
            yield work, query


def _check_encodable(name: str, value: object) -> None:
    """Raise `ValidationError` for a lone surrogate, which is what a byte that is not UTF-8 becomes, and for NUL."""
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= character <= "\udfff" for character in value)):
        raise ValidationError(name, f"'{safe(value, limit=80)}' is not text that users can have.", hint="Send UTF-8.")


class UserPage:
    """Users to be iterated once; then *next_after* is where the next page starts, or None if there is none."""

    def __init__(self, query: UserQuery, users: UserRepository) -> None:
        self._query = query
        self._users = users
        self.next_after: str | int | None = None

    def __iter__(self) -> Iterator[User]:
        limit = self._query.limit
        # One more than asked for tells whether there are more.
        query = self._query if limit is None else replace(self._query, limit=limit + 1)
        last: User | None = None
        for count, user in enumerate(self._users.select(query)):
            if count == limit:
                self.next_after = None if last is None else getattr(last, query.sort)
                return
            yield user
            last = user
