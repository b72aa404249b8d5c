"""Queries on users."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeVar, cast

from sqlalchemy import ColumnElement, CursorResult, Select, Table, and_, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute, Session

from lback_cli.errors import UserExists
from lback_cli.models import Group, User, memberships
from lback_cli.repositories.bulk_insert import insert_rows, to_driver_value
from lback_cli.repositories.sql_functions import binary_equal

T = TypeVar("T")

SortKey = Literal["id", "username", "email"]

LARGEST_ID = 2**63 - 1
"""Beyond this no database has an id, and a driver would raise."""

PAGE = 500
"""Users fetched at a time by a query without a limit."""

HASHES_PAGE = 5000
"""Hashes fetched at a time, of a hundred bytes or so."""


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


USERS = cast("Table", User.__table__)

BULK = ("username", "email", "password", "is_active", "is_email_verified")
"""The columns of a row that `UserRepository.add_all` takes."""


class UserRow(NamedTuple):
    """A user as it is stored, with the names of its groups: for whoever reads very many and changes none."""

    id: int
    username: str
    email: str
    password_hash: str
    is_active: bool
    is_email_verified: bool
    created_at: datetime
    updated_at: datetime
    groups: Sequence[str]


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

    def add_all(self, rows: Sequence[tuple[str, str, str, bool, bool]], *, now: datetime) -> Sequence[int]:
        """Insert users by the columns of `BULK`, and return their ids in that order.

        Raises IntegrityError where a name or an address is taken.
        """
        if not rows:
            return []
        last = self.last_id()
        moments = (to_driver_value(self._session, USERS, "created_at", now),) * 2
        insert_rows(self._session, USERS, (*BULK, "created_at", "updated_at"), [row + moments for row in rows])
        if self._session.connection().dialect.name == "sqlite":
            # It has one writer at a time, and numbers what that one inserts in order.
            new = select(func.min(USERS.c.id), func.max(USERS.c.id)).where(USERS.c.id > last)
            first, last = self._session.execute(new).one()
            if last - first + 1 == len(rows):
                return range(first, last + 1)
        ids = self.ids_by_username([row[0] for row in rows])
        return [ids[row[0]] for row in rows]

    def last_id(self) -> int:
        """The highest id that anybody has; 0 while there is nobody."""
        return self._session.scalar(select(func.max(USERS.c.id))) or 0

    def ids_by_username(self, usernames: Sequence[str]) -> dict[str, int]:
        """The ids of those of *usernames* that somebody has."""
        if not usernames:
            return {}
        statement = select(USERS.c.username, USERS.c.id).where(USERS.c.username.in_(usernames))
        return {username: user_id for username, user_id in self._session.execute(statement)}  # noqa: C416 - rows, not pairs

    def taken_usernames(self, usernames: Sequence[str]) -> set[str]:
        """Those of *usernames* that somebody has."""
        return self._taken_values(USERS.c.username, usernames)

    def taken_emails(self, emails: Sequence[str]) -> set[str]:
        """Those of *emails* that somebody has."""
        return self._taken_values(USERS.c.email, emails)

    def _taken_values(self, column: ColumnElement[str], values: Sequence[str]) -> set[str]:
        return set(self._session.scalars(select(column).where(column.in_(values)))) if values else set()

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

    def password_hashes(self) -> Iterator[str]:
        """What is stored as every user's password, fetched a page at a time and not kept."""
        after = 0
        while True:
            statement = select(USERS.c.id, USERS.c.password).where(USERS.c.id > after)
            page = self._session.execute(statement.order_by(USERS.c.id).limit(HASHES_PAGE)).all()
            yield from (stored_hash for _, stored_hash in page)
            if len(page) < HASHES_PAGE:
                return
            after = page[-1][0]

    def select(self, query: UserQuery) -> Iterator[User]:
        """The users that *query* describes, fetched a page at a time and not kept."""
        for page in self._pages(select(User), query, lambda statement: self._session.scalars(statement).all()):
            yield from page

    def select_stored(self, query: UserQuery) -> Iterator[Sequence[UserRow]]:
        """Like `select`, page by page, without an object of the session for each."""
        columns = [getattr(User, name) for name in UserRow._fields if name != "groups"]
        return self._pages(select(*columns), query, self._with_groups)

    def _with_groups(self, statement: Select[Any]) -> Sequence[UserRow]:
        users = self._session.execute(statement).all()
        member = (
            select(memberships.c.user_id, Group.name)
            .join(Group, Group.id == memberships.c.group_id)
            .where(memberships.c.user_id.in_([user.id for user in users]))
            .order_by(memberships.c.user_id, Group.name)
        )
        groups: dict[int, list[str]] = {}
        for user_id, name in self._session.execute(member):
            groups.setdefault(user_id, []).append(name)
        return [UserRow._make((*user, groups.get(user.id, ()))) for user in users]

    def _pages(
        self, selection: Select[Any], query: UserQuery, fetch: Callable[[Select[Any]], Sequence[T]]
    ) -> Iterator[Sequence[T]]:
        after, left = query.after, query.limit
        if isinstance(after, int):
            after = max(-1, min(after, LARGEST_ID))
        column = getattr(User, query.sort)
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            statement = selection.where(*self._conditions(query))
            if after is not None:
                statement = statement.where(column < after if query.descending else column > after)
            page = fetch(statement.order_by(column.desc() if query.descending else column).limit(size))
            yield page
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
            # The one for the index, the other for MariaDB, which ignores spaces at the end.
            yield User.groups.any(and_(Group.name == query.group, binary_equal(Group.name) == query.group))
        if query.is_active is not None:
            yield User.is_active == query.is_active
        if query.is_email_verified is not None:
            yield User.is_email_verified == query.is_email_verified
