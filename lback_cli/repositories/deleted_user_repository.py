"""Deleted users whose records are kept, so that they can be restored."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.engine import Connection

from lback_cli.attributes import Value
from lback_cli.models.tables import DELETED_USERS, GROUPS, MEMBERSHIPS
from lback_cli.repositories.bulk_insert import driver_form, insert_rows
from lback_cli.repositories.sql_functions import is_among
from lback_cli.repositories.user_query import LARGEST_ID
from lback_cli.repositories.user_reader import UserRecord

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_PAGE = 500
"""Users fetched or deleted at a time."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)


class KeptUser(NamedTuple):
    """A deleted user as kept. *groups* has the names that the groups had, by id."""

    id: int
    username: str
    email: str
    password_hash: str
    is_active: bool
    is_email_verified: bool
    groups: Mapping[int, str]
    attributes: Mapping[str, Value]
    created_at: datetime
    deleted_at: datetime
    kept_until: datetime


class DeletedUserRepository:
    """Deleted users on one connection, or in a session. Those that are kept no longer count as gone at every look."""

    def __init__(self, connection: "Connection | Session") -> None:
        self._connection = connection
        self._execute: Callable[..., Any] = connection.execute

    def find_all(self, ids: Sequence[int], now: datetime) -> dict[int, KeptUser]:
        """Return the deleted users with these *ids*, by id."""
        found: dict[int, KeptUser] = {}
        valid = [user_id for user_id in ids if 0 < user_id <= LARGEST_ID]
        for start in range(0, len(valid), _PAGE):
            chunk = is_among(DELETED_USERS.c.user_id, valid[start : start + _PAGE])
            found |= {user.id: user for user in self._users(now, chunk)}
        return found

    def named(self, names: Sequence[str], now: datetime) -> Sequence[KeptUser]:
        """Return the deleted users who had one of *names* as user name or address, those deleted last first."""
        is_named = or_(DELETED_USERS.c.username.in_(names), DELETED_USERS.c.email.in_(names))
        users = [user for user in self._users(now, is_named) if {user.username, user.email} & {*names}]
        return sorted(users, key=lambda user: user.deleted_at, reverse=True)

    def select(self, now: datetime, *, after: int = 0, limit: int | None = None) -> Iterator[KeptUser]:
        """Yield deleted users by id, at most *limit*, with ids greater than *after*; a page at a time is in memory."""
        left = limit
        while left is None or left > 0:
            wanted = _PAGE if left is None else min(_PAGE, left)
            page = list(self._users(now, DELETED_USERS.c.user_id > min(after, LARGEST_ID), limit=wanted))
            yield from page
            if len(page) < wanted:
                return
            after, left = page[-1].id, None if left is None else left - wanted

    def keep(self, users: Sequence[UserRecord], *, now: datetime, until: datetime) -> None:
        """Keep the records of *users*, who are being deleted and still have their memberships."""
        ids = [user.id for user in users]
        groups = self._groups(ids)
        self.forget(ids)
        stored = driver_form(self._connection, DELETED_USERS, "deleted_at")
        times = stored(now), stored(until)
        rows = [
            (
                *(user.id, user.username, user.email, user.password_hash, user.is_active, user.is_email_verified),
                _ENCODER.encode({"attributes": user.attributes, "groups": groups.get(user.id, {})}),
                *(stored(user.created_at), *times),
            )
            for user in users
        ]
        insert_rows(self._connection, DELETED_USERS, DELETED_USERS.columns.keys(), rows)

    def forget(self, ids: Sequence[int]) -> None:
        """Delete what is kept of the users with these *ids*."""
        for start in range(0, len(ids), _PAGE):
            self._execute(delete(DELETED_USERS).where(DELETED_USERS.c.user_id.in_(ids[start : start + _PAGE])))

    def purge(self, now: datetime) -> None:
        """Delete what is kept no longer."""
        self._execute(delete(DELETED_USERS).where(DELETED_USERS.c.kept_until <= now))

    def _groups(self, ids: Sequence[int]) -> dict[int, dict[int, str]]:
        found: dict[int, dict[int, str]] = {}
        columns = (MEMBERSHIPS.c.user_id, GROUPS.c.id, GROUPS.c.name)
        statement = select(*columns).join(GROUPS, GROUPS.c.id == MEMBERSHIPS.c.group_id)
        for user_id, group_id, name in self._execute(statement.where(is_among(MEMBERSHIPS.c.user_id, ids))):
            found.setdefault(user_id, {})[group_id] = name
        return found

    def _users(self, now: datetime, condition: ColumnElement[bool], *, limit: int | None = None) -> Iterator[KeptUser]:
        statement = select(DELETED_USERS).where(condition, DELETED_USERS.c.kept_until > now)
        for row in self._execute(statement.order_by(DELETED_USERS.c.user_id).limit(limit)).all():
            details = json.loads(row.details)
            yield KeptUser(
                row.user_id,
                row.username,
                row.email,
                row.password,
                row.is_active,
                row.is_email_verified,
                {int(group_id): name for group_id, name in details["groups"].items()},
                details["attributes"],
                row.created_at,
                row.deleted_at,
                row.kept_until,
            )
