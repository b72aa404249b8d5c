"""Writing users, mapped for the operations."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

from sqlalchemy import CursorResult, bindparam, delete, func, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lback_cli.database.drivers.postgresql_copy import can_copy
from lback_cli.errors import UserExists
from lback_cli.models import Group, User
from lback_cli.models.tables import ACCOUNTS, EVENTS, MAIL_QUEUE, MEMBERSHIPS, TOKENS, USER_ATTRIBUTES, USERS
from lback_cli.repositories.bulk_insert import driver_form, insert_rows
from lback_cli.repositories.references import unreferenced
from lback_cli.repositories.user_query import LARGEST_ID
from lback_cli.repositories.user_reader import UserReader, UserRecord
from lback_cli.security.stored_hashes import UNUSABLE_BCRYPT, UNUSABLE_PASSWORD

BULK = ("username", "email", "password", "is_active", "is_email_verified")
"""The columns of a row that `UserRepository.add_all` takes."""

_NEXT_IDS = text(
    # The subquery finds the sequence once, not for each id.
    "SELECT nextval((SELECT CAST(pg_get_serial_sequence('users', 'id') AS regclass))) FROM generate_series(1, :count)"
)
"""Takes ids from the sequence of PostgreSQL, each null if there is none."""


class UserRepository(UserReader):
    """Users in one session, mapped."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session

    def get(self, user_id: int, *, lock: bool = False) -> User | None:
        """Return the user with that id; *lock* reads it again and keeps others from changing it until the commit."""
        if not 0 < user_id <= LARGEST_ID:
            return None
        return self._session.get(User, user_id, populate_existing=lock, with_for_update=lock or None)

    def taken(
        self, *, username: object, email: object, by_other_than: int = 0, in_any_case: bool = False
    ) -> UserExists | None:
        """Return the conflict of this canonical user name or address with another user's, if there is one.

        With *in_any_case*, names in capital letters are the same. Only an application writes such names.
        """
        for field, column, value in (("username", User.username, username), ("email", User.email, email)):
            if value is None:
                continue
            conditions = [column == value, *([func.lower(column) == value] if in_any_case else ())]
            for condition in conditions:
                stored = self._session.scalar(select(column).where(condition, User.id != by_other_than).limit(1))
                if stored is not None:
                    return UserExists(field, str(value), spelled=stored)
        return None

    def add(self, user: User) -> None:
        """Insert *user*. The unique indexes decide between transactions that insert at the same time.

        Raises:
            UserExists: The user name or the address is taken.
        """
        if user.id is None:
            user.id = self._next_id()
        with self._unique(user.username, user.email), self._session.begin_nested():
            self._session.add(user)

    def add_all(
        self,
        rows: Sequence[tuple[str, str, str, bool, bool]],
        *,
        now: datetime,
        meanwhile: Callable[[Sequence[int]], None] = lambda _: None,
    ) -> Sequence[int]:
        """Insert users, whose values are in the order of `BULK`, and return their ids in the same order.

        *meanwhile* is called with the ids, while the server stores the users if that is possible. It must not use the
        session.

        Raises:
            IntegrityError: A user name or an address is taken.
        """
        if not rows:
            return []
        moments = (driver_form(self._session, USERS, "created_at")(now),) * 2
        columns: Sequence[str] = (*BULK, "created_at", "updated_at")
        values: Sequence[tuple[Any, ...]] = [row + moments for row in rows]
        if (ids := self._reserve_ids(len(rows))) is not None:
            columns, values = ("id", *columns), [(number, *row) for number, row in zip(ids, values, strict=True)]
            insert_rows(self._session, USERS, columns, values, partial(meanwhile, ids))
            return ids
        is_sqlite = self._session.connection().dialect.name == "sqlite"
        last = self.last_id() if is_sqlite else 0
        insert_rows(self._session, USERS, columns, values)
        ids = (self._ids_after(last, len(rows)) if is_sqlite else None) or self._ids_of([row[0] for row in rows])
        meanwhile(ids)
        return ids

    def _ids_after(self, last: int, count: int) -> Sequence[int] | None:
        """Return the ids that are greater than *last* if there are *count* of them in a row.

        SQLite has one writer at a time and numbers its rows in order.
        """
        new = select(func.min(USERS.c.id), func.max(USERS.c.id)).where(USERS.c.id > last)
        first, last = self._session.execute(new).one()
        return range(first, last + 1) if last - first + 1 == count else None

    def _ids_of(self, usernames: Sequence[str]) -> Sequence[int]:
        found = self.ids_by_username(usernames)
        return [found[username] for username in usernames]

    def _reserve_ids(self, count: int) -> Sequence[int] | None:
        """Return the ids for *count* new users; None if the database chooses them when it stores the users."""
        if (first := self._next_id()) is not None:
            return range(first, first + count)
        connection = self._session.connection()
        if connection.dialect.name != "postgresql" or not can_copy(connection, USERS):
            return None
        ids = list(connection.execute(_NEXT_IDS, {"count": count}).scalars())
        return None if None in ids else ids

    def _next_id(self) -> int | None:
        """Return the id of a new user if the database would give one that a deleted user had; else None.

        SQLite gives the highest id again once its user is deleted. The event log knows it: a user whom lback deleted,
        or one whom lback registered and the application deleted.
        """
        if self._session.connection().dialect.name != "sqlite":
            return None
        existed = EVENTS.c.signal.in_(("user_registered", "user_deleted"))
        statement = select(func.max(EVENTS.c.subject_id)).where(EVENTS.c.subject_id > self.last_id(), existed)
        highest = self._session.execute(statement).scalar()
        return None if highest is None else highest + 1

    def change(self, user: User, **values: object) -> None:
        """Set *values* of *user* and write them.

        Raises:
            UserExists: The user name or the address is taken.
        """
        username, email = values.get("username"), values.get("email")
        with self._unique(username, email, by_other_than=user.id), self._session.begin_nested():
            for name, value in values.items():
                setattr(user, name, value)

    @contextlib.contextmanager
    def _unique(self, username: object, email: object, *, by_other_than: int = 0) -> Iterator[None]:
        """Raise `UserExists` if a unique index refuses; the block uses a savepoint, so the transaction can go on."""
        try:
            yield
        except IntegrityError as error:
            conflict = self.taken(username=username, email=email, by_other_than=by_other_than)
            if conflict is None:
                raise
            raise conflict from error

    def replace_password_hash(self, user: User, new: str, *, now: datetime) -> bool:
        """Store *new* if the hash is still the one that was read; return whether it was."""
        statement = (
            update(User)
            .where(User.id == user.id, User.password_hash == user.password_hash)
            .values(password_hash=new, updated_at=now)
        )
        return cast("CursorResult[Any]", self._session.execute(statement)).rowcount > 0

    def delete(self, user: User) -> None:
        """Delete *user* with its memberships, attributes and logins.

        Raises:
            StillReferenced: Rows of the application refer to *user*.
        """
        self._session.execute(delete(MEMBERSHIPS).where(MEMBERSHIPS.c.user_id == user.id))
        for table in (USER_ATTRIBUTES, ACCOUNTS):
            self._session.execute(delete(table).where(table.c.user_id == user.id))
        with unreferenced(
            self._session, USERS, user.id, user.username, f"Or run: lback user update id:{user.id} --deactivate"
        ):
            self._session.execute(delete(User).where(User.id == user.id))
        self._session.expunge(user)

    def lock_all(self, ids: Sequence[int]) -> None:
        """Keep others from changing the users with these *ids* until the commit."""
        self._session.execute(select(USERS.c.id).where(USERS.c.id.in_(ids)).order_by(USERS.c.id).with_for_update())

    def change_all(self, ids: Sequence[int], **values: object) -> None:
        """Set *values* of the users with these *ids*."""
        self._session.execute(update(USERS).where(USERS.c.id.in_(ids)).values(**values))

    def change_each(self, users: Sequence[UserRecord], *, updated_at: datetime) -> None:
        """Store the address, the hash and the flags of each of *users*, who exist.

        Raises:
            IntegrityError: Another user has one of the addresses.
        """
        rows = [
            {
                "owner": user.id,
                "email": user.email,
                "password": user.password_hash,
                "is_active": user.is_active,
                "is_email_verified": user.is_email_verified,
                "updated_at": updated_at,
            }
            for user in users
        ]
        values = {name: bindparam(name, type_=USERS.c[name].type) for name in rows[0] if name != "owner"}
        self._session.connection().execute(update(USERS).where(USERS.c.id == bindparam("owner")).values(values), rows)

    def delete_all(self, ids: Sequence[int]) -> None:
        """Delete the users with these *ids*, with everything that `delete` deletes, their tokens and queued links."""
        self._session.execute(
            delete(MAIL_QUEUE).where(MAIL_QUEUE.c.user_id.in_(ids), MAIL_QUEUE.c.purpose.is_not(None))
        )
        for table in (MEMBERSHIPS, USER_ATTRIBUTES, ACCOUNTS, TOKENS):
            self._session.execute(delete(table).where(table.c.user_id.in_(ids)))
        self._session.execute(delete(USERS).where(USERS.c.id.in_(ids)))

    def delete_leftovers(self, user_id: int) -> None:
        """Delete the attributes and logins of a user who is gone: applications delete users without them."""
        for table in (USER_ATTRIBUTES, ACCOUNTS):
            self._session.execute(delete(table).where(table.c.user_id == user_id))

    def count_active(self, group: Group, *, with_password: bool = False) -> int:
        """Return the number of active members of *group*: all, or those *with_password*, who can log in."""
        statement = (
            select(func.count())
            .select_from(MEMBERSHIPS)
            .join(User, User.id == MEMBERSHIPS.c.user_id)
            .where(MEMBERSHIPS.c.group_id == group.id, User.is_active)
        )
        if with_password:
            statement = statement.where(User.password_hash.not_in([UNUSABLE_PASSWORD, UNUSABLE_BCRYPT]))
        return self._session.scalars(statement).one()
