"""Queries on users."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, cast

from sqlalchemy import ColumnElement, CursorResult, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from lback_cli.errors import UserExists
from lback_cli.models import Group, User, memberships

SortKey = Literal["id", "username", "email"]

LARGEST_ID = 2**63 - 1
"""Beyond this no database has an id, and a driver would raise."""

PAGE = 500
"""Users fetched at a time by a query without a limit."""


@dataclass(frozen=True, slots=True)
class UserQuery:
    """Which users, in which order.

    *search* is a part of the user name or address, in any case; *prefix* is how the user name begins. *sort* is a
    unique, indexed column, so that *after*, the last value seen of it, starts the next page without counting the rows
    before it; *limit* None means all.
    """

    search: str | None = None
    prefix: str | None = None
    group: str | None = None
    is_active: bool | None = None
    is_email_verified: bool | None = None
    sort: SortKey = "id"
    descending: bool = False
    after: str | int | None = None
    limit: int | None = None


class UserRepository:
    """Users in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, user_id: int, *, lock: bool = False) -> User | None:
        """The user with that id, read afresh; *lock* keeps others from changing it until the transaction ends."""
        if not 0 < user_id <= LARGEST_ID:
            return None
        return self._session.get(User, user_id, populate_existing=lock, with_for_update=lock or None)

    def find_by_username(self, *usernames: str) -> User | None:
        """The user whose name is the first of *usernames* that anybody has."""
        return self._first(User.username, usernames)

    def find_by_email(self, *emails: str) -> User | None:
        """The user whose address is the first of *emails* that anybody has."""
        return self._first(User.email, emails)

    def _first(self, column: InstrumentedAttribute[str], values: Sequence[str]) -> User | None:
        for value in dict.fromkeys(values):
            user = self._session.scalars(select(User).where(column == value)).first()
            # An application's column may take different names for the same.
            if user is not None and getattr(user, column.key) == value:
                return user
        return None

    def taken(self, *, username: object, email: object, by_other_than: int = 0) -> UserExists | None:
        """The conflict that a user with this name and address would meet, if any."""
        for field, column, value in (("username", User.username, username), ("email", User.email, email)):
            statement = select(User.id).where(column == value, User.id != by_other_than)
            if value is not None and self._session.scalar(statement) is not None:
                return UserExists(field, str(value))
        return None

    def add(self, user: User) -> None:
        """Insert *user*. Raises `UserExists`: the unique indexes decide, however many insert at once."""
        with self._unique(user.username, user.email), self._session.begin_nested():
            self._session.add(user)

    def change(self, user: User, **values: object) -> None:
        """Set those attributes of *user* and write them. Raises `UserExists` like `add`."""
        username, email = values.get("username"), values.get("email")
        with self._unique(username, email, by_other_than=user.id), self._session.begin_nested():
            for name, value in values.items():
                setattr(user, name, value)

    @contextlib.contextmanager
    def _unique(self, username: object, email: object, *, by_other_than: int = 0) -> Iterator[None]:
        """Raise `UserExists` where a unique index refused; the block has a savepoint, so the transaction goes on."""
        try:
            yield
        except IntegrityError as error:
            conflict = self.taken(username=username, email=email, by_other_than=by_other_than)
            if conflict is None:
                raise
            raise conflict from error

    def replace_password_hash(self, user: User, new: str, *, now: datetime) -> bool:
        """Store *new* unless the hash changed since *user* was read; whether it was stored."""
        statement = (
            update(User)
            .where(User.id == user.id, User.password_hash == user.password_hash)
            .values(password_hash=new, updated_at=now)
        )
        return cast("CursorResult[Any]", self._session.execute(statement)).rowcount > 0

    def delete(self, user: User) -> None:
        """Delete *user* with its memberships."""
        self._session.execute(delete(memberships).where(memberships.c.user_id == user.id))
        self._session.execute(delete(User).where(User.id == user.id))
        self._session.expunge(user)

    def count_active(self, group: Group) -> int:
        """How many active members *group* has."""
        statement = (
            select(func.count())
            .select_from(memberships)
            .join(User, User.id == memberships.c.user_id)
            .where(memberships.c.group_id == group.id, User.is_active)
        )
        return self._session.scalars(statement).one()

    def select(self, query: UserQuery) -> Iterator[User]:
        """The users that *query* describes, fetched a page at a time and not kept."""
        after, left = query.after, query.limit
        if isinstance(after, int):
            after = max(-1, min(after, LARGEST_ID))
        column = getattr(User, query.sort)
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            statement = select(User).where(*self._conditions(query))
            if after is not None:
                statement = statement.where(column < after if query.descending else column > after)
            statement = statement.order_by(column.desc() if query.descending else column).limit(size)
            page = self._session.scalars(statement).all()
            yield from page
            if len(page) < size:
                return
            after = getattr(page[-1], query.sort)
            left = None if left is None else left - size

    @staticmethod
    def _conditions(query: UserQuery) -> Iterator[ColumnElement[bool]]:
        if query.search is not None:
            # SQLite's lower() knows only ASCII.
            part = query.search.lower()
            yield or_(User.username.icontains(part, autoescape=True), User.email.icontains(part, autoescape=True))
        if query.prefix is not None:
            yield User.username.startswith(query.prefix, autoescape=True)
        if query.group is not None:
            yield User.groups.any(Group.name == query.group)
        if query.is_active is not None:
            yield User.is_active == query.is_active
        if query.is_email_verified is not None:
            yield User.is_email_verified == query.is_email_verified
