"""Reading users without the ORM, which takes as long to load as a short command takes in all."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

from sqlalchemy import Column, ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.engine import Connection

from lback_cli.attributes import Value, digest
from lback_cli.models.tables import ACCOUNTS, GROUPS, MAIL_QUEUE, MEMBERSHIPS, TOKENS, USER_ATTRIBUTES, USERS
from lback_cli.repositories.sql_functions import binary_equal
from lback_cli.security.stored_hashes import is_unusable

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.models import User

T = TypeVar("T")

SortKey = Literal["id", "username", "email"]

LARGEST_ID = 2**63 - 1
"""No database has an id beyond this, and a driver would raise."""

PAGE = 500
"""Users fetched at a time by a query without a limit."""

_RESET = "reset_password"  # the value of Purpose.RESET_PASSWORD, without the ORM
_NEVER = datetime.max.replace(tzinfo=UTC)

HASHES_PAGE = 5000
"""Password hashes fetched at a time; one has about a hundred bytes."""

OWN_ATTRIBUTES = and_(USER_ATTRIBUTES.c.user_id == USERS.c.id, USER_ATTRIBUTES.c.user_created_at == USERS.c.created_at)
"""Joins `USERS` with the attributes of the same user, not of one who had the id before."""


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Which users, in which order.

    Attributes:
        search: A part of the user name or e-mail address, in any case.
        prefix: The beginning of the user name.
        group: The stored name of a group that the users are members of.
        is_active: Only active users, or only inactive ones.
        is_email_verified: Only users with a verified address, or only those without.
        attributes: Values by name, in lback's own table, that the users must have.
        sort: A unique, indexed column.
        descending: Whether the last in order come first.
        after: The value of *sort* after which the users begin: the last one of the page before.
        limit: How many users at most; None for all.
    """

    search: str | None = None
    prefix: str | None = None
    group: str | None = None
    is_active: bool | None = None
    is_email_verified: bool | None = None
    attributes: Mapping[str, Value] = field(default_factory=dict)
    sort: SortKey = "id"
    descending: bool = False
    after: str | int | None = None
    limit: int | None = None


class UserRecord(NamedTuple):
    """A user as stored.

    *attributes* has the values in lback's own table by name. *locked_until* may have passed, and so may
    *invited_until*, when the link expires with which a user without a password can set one.
    """

    id: int
    username: str
    email: str
    password_hash: str
    is_active: bool
    is_email_verified: bool
    created_at: datetime
    updated_at: datetime
    groups: Sequence[str] = ()
    attributes: Mapping[str, Value] = {}
    last_login: datetime | None = None
    locked_until: datetime | None = None
    invited_until: datetime | None = None

    @classmethod
    def of(cls, user: "User") -> "UserRecord":
        """Return the record of a mapped *user*."""
        return cls(
            user.id,
            user.username,
            user.email,
            user.password_hash,
            user.is_active,
            user.is_email_verified,
            user.created_at,
            user.updated_at,
            [group.name for group in user.groups],
            user.attributes,
        )


_COLUMNS: tuple[Column[Any], ...] = (
    *(USERS.c.id, USERS.c.username, USERS.c.email, USERS.c.password, USERS.c.is_active),
    *(USERS.c.is_email_verified, USERS.c.created_at, USERS.c.updated_at),
)


class UserReader:
    """Reads users on one connection, or in a session."""

    def __init__(self, connection: "Connection | Session") -> None:
        self._execute: Callable[..., Any] = connection.execute

    def find_by_id(self, user_id: int) -> UserRecord | None:
        """Return the user with that id."""
        return self._first(USERS.c.id == user_id) if 0 < user_id <= LARGEST_ID else None

    def find_all(self, ids: Sequence[int]) -> dict[int, UserRecord]:
        """Return those of the users with these *ids* that exist, by id."""
        chunks = (ids[start : start + PAGE] for start in range(0, len(ids), PAGE))
        users = (user for chunk in chunks for user in self._complete(select(*_COLUMNS).where(USERS.c.id.in_(chunk))))
        return {user.id: user for user in users}

    def find_by_username(self, *usernames: str) -> UserRecord | None:
        """Return the user with the first of *usernames* that a user has."""
        return self._find(USERS.c.username, usernames)

    def find_by_email(self, *emails: str) -> UserRecord | None:
        """Return the user with the first of *emails* that a user has."""
        return self._find(USERS.c.email, emails)

    def select(self, query: UserQuery) -> Iterator[UserRecord]:
        """Yield the users that *query* describes; only a page of them is in memory at a time."""
        for page in self.pages(query):
            yield from page

    def pages(self, query: UserQuery) -> Iterator[Sequence[UserRecord]]:
        """Yield the users that *query* describes, page by page."""
        after, left = query.after, query.limit
        if isinstance(after, int):
            after = max(-1, min(after, LARGEST_ID))
        column = USERS.c[query.sort]
        statement = select(*_COLUMNS).where(*_conditions(query))
        statement = statement.order_by(column.desc() if query.descending else column)
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = statement.limit(size)
            if after is not None:
                page = page.where(column < after if query.descending else column > after)
            users = self._complete(page)
            yield users
            if len(users) < size:
                return
            after = getattr(users[-1], query.sort)
            left = None if left is None else left - size

    def count(self, query: UserQuery) -> int:
        """Return how many users *query* describes, whatever its limit."""
        statement = select(func.count()).select_from(USERS).where(*_conditions(query))
        return int(self._execute(statement).scalar_one())

    def password_hashes(self) -> Iterator[str]:
        """Yield every user's stored password hash; only a page of them is in memory at a time."""
        after = 0
        while True:
            statement = select(USERS.c.id, USERS.c.password).where(USERS.c.id > after)
            page = self._execute(statement.order_by(USERS.c.id).limit(HASHES_PAGE)).all()
            yield from (stored_hash for _, stored_hash in page)
            if len(page) < HASHES_PAGE:
                return
            after = page[-1][0]

    def last_id(self) -> int:
        """Return the highest id of all users; 0 if there are none."""
        return self._execute(select(func.max(USERS.c.id))).scalar() or 0

    def ids_by_username(self, usernames: Sequence[str]) -> dict[str, int]:
        """Return the ids of those of *usernames* that are taken."""
        if not usernames:
            return {}
        statement = select(USERS.c.username, USERS.c.id).where(USERS.c.username.in_(usernames))
        return {username: user_id for username, user_id in self._execute(statement)}  # noqa: C416 - rows, not pairs

    def taken_usernames(self, usernames: Sequence[str]) -> set[str]:
        """Return those of *usernames* that are taken."""
        return self._taken(USERS.c.username, usernames)

    def taken_emails(self, emails: Sequence[str]) -> set[str]:
        """Return those of *emails* that are taken."""
        return self._taken(USERS.c.email, emails)

    def _taken(self, column: Column[str], values: Sequence[str]) -> set[str]:
        return set(self._execute(select(column).where(column.in_(values))).scalars()) if values else set()

    def _find(self, column: Column[str], values: Sequence[str]) -> UserRecord | None:
        for value in dict.fromkeys(values):
            user = self._first(column == value)
            # The collation of an application's column may treat different texts as equal.
            if user is not None and getattr(user, column.name) == value:
                return user
        return None

    def _first(self, condition: ColumnElement[bool]) -> UserRecord | None:
        return next(iter(self._complete(select(*_COLUMNS).where(condition).limit(1))), None)

    def _complete(self, statement: Select[Any]) -> Sequence[UserRecord]:
        """Return the users of *statement* with their groups and attributes."""
        users = self._execute(statement).all()
        if not users:
            return []
        ids = [user.id for user in users]
        logins = self._logins(ids)
        invitations = self._invitations([user.id for user in users if is_unusable(user.password)])
        groups: dict[int, list[str]] = {}
        member = (
            select(MEMBERSHIPS.c.user_id, GROUPS.c.name)
            .join(GROUPS, GROUPS.c.id == MEMBERSHIPS.c.group_id)
            .where(MEMBERSHIPS.c.user_id.in_(ids))
            .order_by(MEMBERSHIPS.c.user_id, GROUPS.c.name)
        )
        for user_id, name in self._execute(member):
            groups.setdefault(user_id, []).append(name)
        attributes = self.attributes(ids)
        return [
            UserRecord._make(
                (
                    *user,
                    groups.get(user.id, ()),
                    attributes.get(user.id, {}),
                    *logins.get(user.id, (None, None)),
                    invitations.get(user.id),
                )
            )
            for user in users
        ]

    def _logins(self, ids: Sequence[int]) -> dict[int, tuple[datetime | None, datetime | None]]:
        """Return the last login and the end of the lock of the users with these *ids*."""
        own = and_(ACCOUNTS.c.user_id == USERS.c.id, ACCOUNTS.c.user_created_at == USERS.c.created_at)
        statement = select(ACCOUNTS.c.user_id, ACCOUNTS.c.last_login, ACCOUNTS.c.locked_until).join(USERS, own)
        rows = self._execute(statement.where(ACCOUNTS.c.user_id.in_(ids)))
        return {user_id: (last_login, locked_until) for user_id, last_login, locked_until in rows}

    def _invitations(self, ids: Sequence[int]) -> dict[int, datetime]:
        """Return when the links of the users with these *ids* expire that set a password."""
        if not ids:
            return {}
        sent = (
            select(TOKENS.c.user_id, func.max(TOKENS.c.expires_at))
            .where(TOKENS.c.user_id.in_(ids), TOKENS.c.purpose == _RESET, TOKENS.c.used_at.is_(None))
            .group_by(TOKENS.c.user_id)
        )
        queued = select(MAIL_QUEUE.c.user_id).where(MAIL_QUEUE.c.user_id.in_(ids), MAIL_QUEUE.c.purpose == _RESET)
        found = dict.fromkeys(self._execute(queued).scalars(), _NEVER)
        return {user_id: expires_at for user_id, expires_at in self._execute(sent)} | found  # noqa: C416 - rows

    def attributes(self, ids: Sequence[int]) -> dict[int, dict[str, Value]]:
        """Return the attributes in lback's own table of the users with these *ids*, by name."""
        found: dict[int, dict[str, Value]] = {}
        statement = (
            select(USER_ATTRIBUTES.c.user_id, USER_ATTRIBUTES.c.name, USER_ATTRIBUTES.c.value)
            .join(USERS, OWN_ATTRIBUTES)
            .where(USER_ATTRIBUTES.c.user_id.in_(ids))
            .order_by(USER_ATTRIBUTES.c.user_id, USER_ATTRIBUTES.c.name)
        )
        for user_id, name, value in self._execute(statement):
            found.setdefault(user_id, {})[name] = json.loads(value)
        return found


def _conditions(query: UserQuery) -> Iterator[ColumnElement[bool]]:
    if query.search is not None:
        # SQLite's lower() knows only ASCII.
        part = query.search.lower()
        yield or_(USERS.c.username.icontains(part, autoescape=True), USERS.c.email.icontains(part, autoescape=True))
    if query.prefix is not None:
        yield USERS.c.username.startswith(query.prefix, autoescape=True)
    if query.group is not None:
        membership = MEMBERSHIPS.join(GROUPS, GROUPS.c.id == MEMBERSHIPS.c.group_id)
        # The first comparison uses the index; the second is for MariaDB, which ignores spaces at the end.
        is_group = and_(GROUPS.c.name == query.group, binary_equal(GROUPS.c.name) == query.group)
        yield exists().select_from(membership).where(MEMBERSHIPS.c.user_id == USERS.c.id, is_group)
    if query.is_active is not None:
        yield USERS.c.is_active == query.is_active
    if query.is_email_verified is not None:
        yield USERS.c.is_email_verified == query.is_email_verified
    for name, value in query.attributes.items():
        yield exists().where(OWN_ATTRIBUTES, USER_ATTRIBUTES.c.name == name, USER_ATTRIBUTES.c.digest == digest(value))
