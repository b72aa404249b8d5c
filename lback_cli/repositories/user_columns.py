"""Reading chosen fields of many users, as results show them: a page at a time, and column by column.

Python needs a fraction of the time for a column that it needs for as many objects, so a listing of a million users
takes about as long as the database needs for it.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Integer, Select, String, case, cast, func, select, type_coerce
from sqlalchemy.engine import Connection

from lback_cli.models.tables import ACCOUNTS, GROUPS, MEMBERSHIPS, USER_ATTRIBUTES, USERS
from lback_cli.repositories.sql_functions import is_among
from lback_cli.repositories.user_query import OWN_ACCOUNT, OWN_ATTRIBUTES, SortKey, UserQuery, driver_rows, read_pages
from lback_cli.repositories.user_reader import UserReader, password_state
from lback_cli.security.stored_hashes import is_unusable

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.attributes import UserAttributes

PAGE = 2000
"""Users fetched at a time."""

_TO_THE_SECOND = len("2026-01-31 12:00:00")

Columns = Sequence[Sequence[Any]]
"""The values of some users, a sequence for each field."""

_Page = Mapping[str, Sequence[Any]]
"""What was fetched, by the names of the selected columns."""


class _Field(NamedTuple):
    """A field: the columns to select, and its values for a page."""

    selected: Sequence[ColumnElement[Any]]
    values: Callable[[_Page], Sequence[Any]]


class UserColumns:
    """Reads some fields of users.

    Args:
        connection: A connection or a session.
        fields: The names of the fields, in their order: those of results, ``password_hash``, names of attributes in
            lback's own table, or ``attributes`` for all that are not built in.
        known: The attributes of users.
        now: The current time, which decides whether a lock or an invitation is over.
        exact: Whether times have microseconds, as in events.
    """

    def __init__(
        self,
        connection: "Connection | Session",
        fields: Sequence[str],
        known: "UserAttributes",
        now: datetime,
        *,
        exact: bool = False,
    ) -> None:
        self._execute: Callable[..., Any] = connection.execute
        self._reader = UserReader(connection)
        self._now = now
        self._times = _exact_times if exact else _times
        self._built_in = frozenset(attribute.name for attribute in known if not attribute.declared)
        self._memberships = _GroupNames()
        usual = self._fields()
        self._chosen = [usual.get(name) or _attribute(name) for name in fields]
        self._needs_groups = "groups" in fields

    def pages(self, query: UserQuery) -> Iterator[Columns]:
        """Yield the fields of the users that *query* describes; only a page of them is in memory at a time."""
        statement = self._statement(query.sort)
        names = statement.selected_columns.keys()
        for rows in read_pages(self._execute, statement, query, size=PAGE, rows_of=driver_rows):
            if rows:
                yield self._columns(names, rows)

    def of(self, ids: Sequence[int]) -> Columns:
        """Return the fields of those of the users with these *ids* that exist, in the order of their ids."""
        statement = self._statement("id").where(is_among(USERS.c.id, ids)).order_by(USERS.c.id)
        return self._columns(statement.selected_columns.keys(), driver_rows(self._execute(statement)))

    def _statement(self, sort: SortKey) -> Select[Any]:
        if self._needs_groups and not self._memberships.names:
            groups = self._execute(select(GROUPS.c.id, GROUPS.c.name))
            self._memberships.names = {str(number): name for number, name in groups}
        selected = {str(column.key): column for field in self._chosen for column in field.selected}
        selected |= {"id": USERS.c.id, sort: USERS.c[sort]}
        statement = select(*selected.values()).select_from(USERS)
        if selected.keys() & {"last_login", "locked_until"}:
            return statement.outerjoin(ACCOUNTS, OWN_ACCOUNT)
        return statement

    def _columns(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Columns:
        if not rows:
            return [()] * len(self._chosen)
        page: _Page = dict(zip(names, zip(*rows, strict=True), strict=True))
        return [field.values(page) for field in self._chosen]

    def _fields(self) -> dict[str, _Field]:
        locked_until = case((ACCOUNTS.c.locked_until > self._now, ACCOUNTS.c.locked_until)).label("locked_until")
        member_of = select(func.aggregate_strings(cast(MEMBERSHIPS.c.group_id, String), ","))
        groups = member_of.where(MEMBERSHIPS.c.user_id == USERS.c.id).scalar_subquery().label("groups")
        return {
            **{column.name: _plain(column) for column in (USERS.c.id, USERS.c.username, USERS.c.email)},
            **{column.name: _flag(column) for column in (USERS.c.is_active, USERS.c.is_email_verified)},
            **{column.name: self._time(column) for column in (USERS.c.created_at, USERS.c.updated_at)},
            "last_login": self._time(ACCOUNTS.c.last_login),
            "locked_until": self._time(locked_until),
            "groups": _Field((groups,), lambda page: [*map(self._memberships.__getitem__, page["groups"])]),
            "password": _Field((USERS.c.password,), self._password_states),
            "password_hash": _Field((USERS.c.password,), lambda page: _hashes(page["password"])),
            "attributes": _Field((), lambda page: self._attributes(page["id"])),
        }

    def _time(self, column: ColumnElement[Any]) -> _Field:
        name = str(column.key)
        return _Field((type_coerce(column, String).label(name),), lambda page: self._times(page[name]))

    def _password_states(self, page: _Page) -> Sequence[str]:
        hashes = page["password"]
        without = [number for number, stored in zip(page["id"], hashes, strict=True) if is_unusable(stored)]
        if not without:
            return ["set"] * len(hashes)
        invited = self._reader.invitations(without)
        return [
            password_state(stored, invited.get(number), self._now)
            for number, stored in zip(page["id"], hashes, strict=True)
        ]

    def _attributes(self, ids: Sequence[int]) -> Sequence[Mapping[str, Any]]:
        found = self._reader.attributes(ids)
        stored = (found.get(number, {}) for number in ids)
        return [{name: of_user[name] for name in of_user if name not in self._built_in} for of_user in stored]


class _GroupNames(dict[str | None, list[str]]):
    """The sorted names of groups by their ids as the database joins them. Many users are in the same groups."""

    def __init__(self) -> None:
        super().__init__({None: []})
        self.names: Mapping[str, str] = {}

    def __missing__(self, ids: str | None) -> list[str]:
        # An application without foreign keys may have deleted a group and left its memberships.
        names = self[ids] = sorted(self.names[number] for number in (ids or "").split(",") if number in self.names)
        return names


# SQLAlchemy would convert values one by one. Without their type they come as the driver returns them.


def _plain(column: Column[Any]) -> _Field:
    return _Field((column,), itemgetter(column.name))


def _flag(column: Column[Any]) -> _Field:
    raw = type_coerce(column, Integer).label(column.name)
    return _Field((raw,), lambda page: [*map(bool, page[column.name])])


def _times(stored: Sequence[Any]) -> Sequence[str | None]:
    """Return times in RFC 3339 to the second. SQLite stores them as text, and a server returns objects.

    What another program has stored in another form stays as it is.
    """
    texts = _texts(stored)
    return [text if text is None or len(text) < _TO_THE_SECOND else f"{text[:10]}T{text[11:19]}Z" for text in texts]


def _exact_times(stored: Sequence[Any]) -> Sequence[str | None]:
    """Return times in RFC 3339 with microseconds, otherwise as `_times` does."""
    return [
        text if text is None or len(text) < _TO_THE_SECOND else f"{text[:10]}T{text[11:19]}{text[19:26] or '.000000'}Z"
        for text in _texts(stored)
    ]


def _texts(stored: Sequence[Any]) -> Sequence[str | None]:
    return stored if isinstance(stored[0], str) else [None if time is None else str(time) for time in stored]


def _hashes(stored: Iterable[str]) -> Sequence[str | None]:
    return [None if is_unusable(text) else text for text in stored]


def _attribute(name: str) -> _Field:
    value = select(USER_ATTRIBUTES.c.value).where(OWN_ATTRIBUTES, USER_ATTRIBUTES.c.name == name).scalar_subquery()
    label = f"attribute_{name}"
    return _Field(
        (value.label(label),), lambda page: [None if text is None else _decoded(text) for text in page[label]]
    )


def _decoded(text: str) -> Any:
    """Return the value that *text* is in JSON. Most are texts without escapes, which need no decoder."""
    return text[1:-1] if text[0] == '"' and "\\" not in text else json.loads(text)
