"""Finding users and groups, without the ORM and without changing anything."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lback_cli.database.engine import Database
from lback_cli.errors import GroupNotFound, UserNotFound, ValidationError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.kept_users import restoration_hint
from lback_cli.managers.user_lookup import (
    find_by_email,
    find_by_username,
    find_group_record,
    find_id,
    find_user,
    parse_id,
)
from lback_cli.repositories.group_reader import GroupRecord
from lback_cli.repositories.snapshot import Snapshot, snapshot
from lback_cli.repositories.user_query import LARGEST_ID, UserQuery
from lback_cli.repositories.user_reader import UserReader, UserRecord
from lback_cli.text.escaping import safe

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.attributes import UserAttributes
    from lback_cli.repositories.user_columns import Columns, UserColumns

_LONGEST_ID = len(str(LARGEST_ID))


class Directory:
    """Finds users and groups by the names that people type. It sends no signal."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services

    @property
    def attributes(self) -> "UserAttributes":
        """The attributes of users."""
        return self._services.attributes

    def find_user(self, identifier: str, *, session: "Session | None" = None) -> UserRecord:
        """Return the user whom a user name, an e-mail address or ``id:N`` identifies.

        Raises:
            UserNotFound: There is none.
        """
        with snapshot(self._database, session) as found:
            return self._find(found, identifier)

    def find_by_id(self, user_id: int, *, session: "Session | None" = None) -> UserRecord | None:
        """Return the user with that id, or None."""
        with snapshot(self._database, session) as found:
            return found.users.find_by_id(user_id)

    def find_by_username(self, username: str, *, session: "Session | None" = None) -> UserRecord | None:
        """Return the user with that name, however it is spelled, or None."""
        with snapshot(self._database, session) as found:
            return find_by_username(found.users, self._services, username)

    def find_by_email(self, email: str, *, session: "Session | None" = None) -> UserRecord | None:
        """Return the user with that e-mail address, however it is spelled, or None."""
        with snapshot(self._database, session) as found:
            return find_by_email(found.users, self._services, email)

    def exists(self, identifier: str) -> bool:
        """Return whether *identifier* identifies a user."""
        return self.find_id(identifier) is not None

    def find_id(self, identifier: str) -> int | None:
        """Return the id of the user whom *identifier* identifies, or None."""
        with snapshot(self._database) as found:
            try:
                return find_user(found.users, self._services, identifier).id
            except UserNotFound:
                return None

    def resolve_id(self, identifier: str) -> int:
        """Return the id of the user whom *identifier* identifies; for ``id:N`` N, even if there is no such user.

        Raises:
            UserNotFound: No user has that name or e-mail address.
        """
        with snapshot(self._database) as found:
            user_id = find_id(found.users, identifier)
            return self._find(found, identifier).id if user_id is None else user_id

    def resolve_email(self, identifier: str) -> str:
        """Return the e-mail address of the user whom *identifier* identifies.

        An e-mail address is returned as given, and so is an ``id:N`` that no user has.

        Raises:
            UserNotFound: No user has that name.
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
    def select_users(self, query: UserQuery, *, session: "Session | None" = None) -> Iterator[Iterator[UserRecord]]:
        """Yield the users that *query* describes; they are read while the block lasts.

        Raises:
            GroupNotFound: The group of the query does not exist.
            ValidationError: A text of the query cannot be stored in a database, so no user has it.
        """
        with self._selecting(query, session) as (found, stored):
            yield found.users.select(stored)

    @contextlib.contextmanager
    def list_users(self, query: UserQuery, fields: Sequence[str]) -> Iterator["UserListing"]:
        """Yield *fields* of the users that *query* describes, like `select_users`; `UserColumns` explains them."""
        from lback_cli.repositories.user_columns import UserColumns

        with self._selecting(query) as (found, stored):
            fields = (*fields, query.sort)
            columns = UserColumns(found.connection, fields, self.attributes, self._services.now())
            yield UserListing(stored, columns, found.users)

    def users_by_name(self, prefix: str, *, limit: int, group: str | None = None) -> Sequence[UserRecord]:
        """Return users whose names begin with *prefix*, members of *group* if it is named."""
        with self.select_users(UserQuery(prefix=prefix, groups=_only(group), sort="username", limit=limit)) as users:
            return list(users)

    def users_by_id(self, digits: str, *, limit: int, group: str | None = None) -> Sequence[UserRecord]:
        """Return users whose ids begin with *digits*, members of *group* if it is named."""
        if not digits:
            with self.select_users(UserQuery(groups=_only(group), limit=limit)) as users:
                return list(users)
        if not (digits.isascii() and digits.isdigit()) or digits.startswith("0"):
            return []
        found: list[UserRecord] = []
        first, size = int(digits[:_LONGEST_ID]), 1  # 12, then 120 to 129, then 1200 to 1299
        while len(found) < limit and first <= LARGEST_ID:
            query = UserQuery(groups=_only(group), after=first - 1, limit=limit - len(found))
            with self.select_users(query) as users:
                page = list(users)
            found += [user for user in page if user.id < first + size]
            if not page:
                break
            first, size = first * 10, size * 10
        return found

    def attribute_values(self, name: str, prefix: str, *, limit: int) -> Sequence[str]:
        """Return texts that begin with *prefix* among the values of an attribute in lback's own table."""
        _check_encodable("prefix", prefix)
        with snapshot(self._database) as found:
            return found.users.attribute_values(name, prefix, limit=limit)

    def count_users(self) -> int:
        """Return how many users there are."""
        with snapshot(self._database) as found:
            return found.users.count(UserQuery())

    def list_groups(self) -> Sequence[tuple[GroupRecord, int]]:
        """Return every group with the number of its members, by name."""
        with snapshot(self._database) as found:
            return found.groups.all_with_sizes()

    def find_group(self, name: str, *, joins: bool = False) -> tuple[GroupRecord, int]:
        """Return the group called *name* with the number of its members.

        Args:
            name: The name as a person gives it.
            joins: Whether users are to join the group. The error then says how to create it.

        Raises:
            GroupNotFound: There is none.
        """
        with snapshot(self._database) as found:
            group = find_group_record(found.groups, self._services, name, joins=joins)
            return group, found.groups.size(group.id)

    def has_group(self, name: str) -> bool:
        """Return whether there is a group called *name*."""
        try:
            self.find_group(name)
        except GroupNotFound:
            return False
        return True

    def _find(self, found: Snapshot, identifier: str) -> UserRecord:
        try:
            return find_user(found.users, self._services, identifier)
        except UserNotFound as error:
            error.hint = restoration_hint(found, self._services, identifier) or error.hint
            raise

    @contextlib.contextmanager
    def _selecting(self, query: UserQuery, session: "Session | None" = None) -> Iterator[tuple[Snapshot, UserQuery]]:
        for name, value in [("prefix", query.prefix), ("after", query.after), *(("search", s) for s in query.searches)]:
            _check_encodable(name, value)
        with snapshot(self._database, session) as found:
            groups = [find_group_record(found.groups, self._services, name).name for name in query.groups]
            yield found, replace(query, groups=groups)


def _only(group: str | None) -> Sequence[str]:
    return () if group is None else (group,)


def _check_encodable(name: str, value: object) -> None:
    """Raise `ValidationError` for NUL and for a lone surrogate, which is what a byte that is not UTF-8 becomes."""
    if isinstance(value, str) and ("\0" in value or any("\ud800" <= character <= "\udfff" for character in value)):
        raise ValidationError(name, f"'{safe(value, limit=80)}' is not text that users can have.", hint="Send UTF-8.")


class UserListing:
    """Fields of users, to iterate over once, in pages of columns.

    Attributes:
        next_after: Then, where the next page of the listing starts, or None if there is none.
    """

    def __init__(self, query: UserQuery, columns: "UserColumns", users: UserReader) -> None:
        self._query = query
        self._columns = columns  # the last one is what the listing is sorted by
        self._users = users
        self.next_after: str | int | None = None

    def __iter__(self) -> Iterator["Columns"]:
        left, last = self._query.limit, self._query.after
        # One more than asked for shows whether there are more.
        query = self._query if left is None else replace(self._query, limit=left + 1)
        for *columns, keys in self._columns.pages(query):
            if left is None or len(keys) <= left:
                yield columns
            else:
                self.next_after = keys[left - 1] if left else last
                yield [column[:left] for column in columns]
            last = keys[-1]
            left = None if left is None else max(left - len(keys), 0)

    def count(self) -> int:
        """Return how many users there are in all, whatever the limit is."""
        return self._users.count(self._query)
