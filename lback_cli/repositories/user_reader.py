"""Reading users without the ORM, which takes as long to load as a short command takes in all."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import Column, ColumnElement, func, select
from sqlalchemy.engine import Connection

from lback_cli.attributes import Value, encode
from lback_cli.models.tables import ACCOUNTS, GROUPS, MAIL_QUEUE, MEMBERSHIPS, TOKENS, USER_ATTRIBUTES, USERS
from lback_cli.repositories.sql_functions import is_among
from lback_cli.repositories.user_query import LARGEST_ID, OWN_ACCOUNT, OWN_ATTRIBUTES, UserQuery, conditions, read_pages
from lback_cli.security.stored_hashes import is_unusable

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from lback_cli.models import User

PAGE = 500
"""Users fetched at a time by a query without a limit."""

_RESET = "reset_password"  # the value of Purpose.RESET_PASSWORD, without the ORM
_NEVER = datetime.max.replace(tzinfo=UTC)

HASHES_PAGE = 5000
"""Password hashes fetched at a time; one has about a hundred bytes."""


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


PasswordState = Literal["set", "none", "invited"]


def password_state(stored_hash: str, invited_until: datetime | None, now: datetime) -> PasswordState:
    """Return whether a user has a password, has none, or has none and a link to set one."""
    if not is_unusable(stored_hash):
        return "set"
    return "invited" if invited_until is not None and invited_until > now else "none"


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
        statements = (select(*_COLUMNS).where(is_among(USERS.c.id, chunk)) for chunk in chunks)
        return {user.id: user for statement in statements for user in self._complete(self._execute(statement).all())}

    def find_by_username(self, *usernames: str) -> UserRecord | None:
        """Return the user with the first of *usernames* that a user has."""
        return self._find(USERS.c.username, usernames)

    def find_by_email(self, *emails: str) -> UserRecord | None:
        """Return the user with the first of *emails* that a user has."""
        return self._find(USERS.c.email, emails)

    def find_by_usernames(self, usernames: Sequence[str]) -> dict[str, UserRecord]:
        """Return the users with one of *usernames*, by name."""
        found: dict[str, UserRecord] = {}
        for start in range(0, len(usernames), PAGE):
            some = usernames[start : start + PAGE]
            rows = self._execute(select(*_COLUMNS).where(USERS.c.username.in_(some))).all()
            found |= {user.username: user for user in self._complete(rows)}
        return found

    def find_in_any_case(self, column: Column[str], value: str) -> Sequence[UserRecord]:
        """Return the users whose *column* is *value*, in capital or small letters; no index helps."""
        statement = select(*_COLUMNS).where(func.lower(column) == value.lower()).order_by(USERS.c.id)
        return self._complete(self._execute(statement).all())

    def select(self, query: UserQuery) -> Iterator[UserRecord]:
        """Yield the users that *query* describes; only a page of them is in memory at a time."""
        for rows in read_pages(self._execute, select(*_COLUMNS), query, size=PAGE):
            yield from self._complete(rows)

    def count(self, query: UserQuery) -> int:
        """Return how many users *query* describes, wherever its page starts and ends."""
        count: int = self._execute(select(func.count()).select_from(USERS).where(*conditions(query))).scalar_one()
        return count

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

    def attribute_values(self, name: str, prefix: str, *, limit: int) -> Sequence[str]:
        """Return texts that begin with *prefix* among the values of the attribute called *name*."""
        # A text is stored as JSON, which begins with a quotation mark.
        value = USER_ATTRIBUTES.c.value
        begins = value.startswith(encode(prefix)[:-1], autoescape=True)
        statement = select(value).distinct().where(USER_ATTRIBUTES.c.name == name, begins).limit(limit)
        return sorted(json.loads(stored) for stored in self._execute(statement).scalars())

    def last_id(self) -> int:
        """Return the highest id of all users; 0 if there are none."""
        return self._execute(select(func.max(USERS.c.id))).scalar() or 0

    def ids_by_username(self, usernames: Sequence[str]) -> dict[str, int]:
        """Return the ids of those of *usernames* that are taken."""
        if not usernames:
            return {}
        statement = select(USERS.c.username, USERS.c.id).where(USERS.c.username.in_(usernames))
        return {username: user_id for username, user_id in self._execute(statement)}  # noqa: C416 - rows, not pairs

    def taken_usernames(self, usernames: Sequence[str], *, in_any_case: bool = False) -> set[str]:
        """Return those of *usernames*, which are canonical, that are taken; *in_any_case* also in capital letters."""
        return self._taken(USERS.c.username, usernames, in_any_case=in_any_case)

    def taken_emails(self, emails: Sequence[str], *, in_any_case: bool = False) -> set[str]:
        """Return those of *emails*, which are canonical, that are taken; *in_any_case* also in capital letters."""
        return self._taken(USERS.c.email, emails, in_any_case=in_any_case)

    def _taken(self, column: Column[str], values: Sequence[str], *, in_any_case: bool) -> set[str]:
        stored = func.lower(column) if in_any_case else column
        return set(self._execute(select(stored).where(stored.in_(values))).scalars()) if values else set()

    def _find(self, column: Column[str], values: Sequence[str]) -> UserRecord | None:
        for value in dict.fromkeys(values):
            user = self._first(column == value)
            # The collation of an application's column may treat different texts as equal.
            if user is not None and getattr(user, column.name) == value:
                return user
        return None

    def _first(self, condition: ColumnElement[bool]) -> UserRecord | None:
        found = self._execute(select(*_COLUMNS).where(condition).limit(1)).all()
        return next(iter(self._complete(found)), None)

    def _complete(self, users: Sequence[Any]) -> Sequence[UserRecord]:
        """Return *users*, rows of `_COLUMNS`, with their groups and attributes."""
        if not users:
            return []
        ids = [user.id for user in users]
        logins = self._logins(ids)
        without_password = [user.id for user in users if is_unusable(user.password)]
        invitations = self.invitations(without_password)
        groups: dict[int, list[str]] = {}
        member = (
            select(MEMBERSHIPS.c.user_id, GROUPS.c.name)
            .join(GROUPS, GROUPS.c.id == MEMBERSHIPS.c.group_id)
            .where(is_among(MEMBERSHIPS.c.user_id, ids))
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
        columns = (ACCOUNTS.c.user_id, ACCOUNTS.c.last_login, ACCOUNTS.c.locked_until)
        statement = select(*columns).join(USERS, OWN_ACCOUNT)
        rows = self._execute(statement.where(is_among(ACCOUNTS.c.user_id, ids)))
        return {user_id: (last_login, locked_until) for user_id, last_login, locked_until in rows}

    def invitations(self, ids: Sequence[int]) -> dict[int, datetime]:
        """Return when the links of the users with these *ids* expire that set a password."""
        if not ids:
            return {}
        sent = (
            select(TOKENS.c.user_id, func.max(TOKENS.c.expires_at))
            .where(is_among(TOKENS.c.user_id, ids), TOKENS.c.purpose == _RESET, TOKENS.c.used_at.is_(None))
            .group_by(TOKENS.c.user_id)
        )
        queued = select(MAIL_QUEUE.c.user_id).where(is_among(MAIL_QUEUE.c.user_id, ids), MAIL_QUEUE.c.purpose == _RESET)
        found = dict.fromkeys(self._execute(queued).scalars(), _NEVER)
        return {user_id: expires_at for user_id, expires_at in self._execute(sent)} | found  # noqa: C416 - rows

    def attributes(self, ids: Sequence[int]) -> dict[int, dict[str, Value]]:
        """Return the attributes in lback's own table of the users with these *ids*, by name."""
        found: dict[int, dict[str, Value]] = {}
        statement = (
            select(USER_ATTRIBUTES.c.user_id, USER_ATTRIBUTES.c.name, USER_ATTRIBUTES.c.value)
            .join(USERS, OWN_ATTRIBUTES)
            .where(is_among(USER_ATTRIBUTES.c.user_id, ids))
            .order_by(USER_ATTRIBUTES.c.user_id, USER_ATTRIBUTES.c.name)
        )
        for user_id, name, value in self._execute(statement):
            found.setdefault(user_id, {})[name] = json.loads(value)
        return found
