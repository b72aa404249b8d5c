"""Queries on tables of an application of the lback framework that lback itself does not have."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import delete, inspect, or_, select
from sqlalchemy.orm import Session

from lback_cli.models import User
from lback_cli.models.tables import ADMIN_USERS, APPLICATION_TABLES, GROUPS, MEMBERSHIPS, SESSIONS, USERS

ADMIN = "admin"
"""The framework's name for administrators: the type of their sessions, and the group that makes a user one."""

_CHUNK = 500
"""Sessions deleted by one statement."""


class AdminAccount(NamedTuple):
    """A row of ``admin_users``, the framework's own table of administrators."""

    username: str
    email: str

    def is_of(self, email: str) -> bool:
        """Return whether it is the account of the person with that address."""
        return self.email.lower() == email.lower()


class Administrator(NamedTuple):
    """A member of the group `ADMIN`, and the account that the framework takes the member for."""

    id: int
    username: str
    email: str
    account: AdminAccount | None


class ApplicationRepository:
    """The sessions and the administrators of an application. One that lacks such a table has none."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def admin_account(self, user_id: int) -> AdminAccount | None:
        """Return the administrator with that id."""
        if ADMIN_USERS.name not in self._tables:
            return None
        statement = select(ADMIN_USERS.c.username, ADMIN_USERS.c.email).where(ADMIN_USERS.c.id == user_id)
        found = self._session.execute(statement).first()
        return None if found is None else AdminAccount(*found)

    def administrators(self) -> list[Administrator]:
        """Return the members of the group `ADMIN`."""
        members = (
            select(USERS.c.id, USERS.c.username, USERS.c.email)
            .join(MEMBERSHIPS, MEMBERSHIPS.c.user_id == USERS.c.id)
            .join(GROUPS, GROUPS.c.id == MEMBERSHIPS.c.group_id)
            .where(GROUPS.c.name == ADMIN)
            .order_by(USERS.c.id)
        )
        return [Administrator(*member, self.admin_account(member.id)) for member in self._session.execute(members)]

    def delete_sessions(self, user: User) -> None:
        """Delete the sessions in which *user* is logged in.

        The framework stores who is logged in as JSON. The session of an administrator with the same id has the same
        ``user_id``, and differs in its type and name.
        """
        if SESSIONS.name not in self._tables:
            return
        is_possible = or_(
            SESSIONS.c.user_id == str(user.id),
            SESSIONS.c.data.contains(f'"user_id": {user.id}', autoescape=True),
            SESSIONS.c.data.contains(f'"user_id": "{user.id}"', autoescape=True),
        )
        rows = self._session.execute(select(SESSIONS).where(is_possible)).all()
        if not rows:
            return
        admin = self.admin_account(user.id)
        ended = [row.id for row in rows if _is_of(user, admin, row.user_id, _decoded(row.data))]
        for start in range(0, len(ended), _CHUNK):
            self._session.execute(delete(SESSIONS).where(SESSIONS.c.id.in_(ended[start : start + _CHUNK])))

    @cached_property
    def _tables(self) -> set[str]:
        """The names of those of the two tables that exist."""
        tables = inspect(self._session.connection())
        return {table.name for table in APPLICATION_TABLES if tables.has_table(table.name)}


def _decoded(data: str | None) -> Mapping[str, Any]:
    try:
        found = json.loads(data or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_of(user: User, admin: AdminAccount | None, column: str | None, data: Mapping[str, Any]) -> bool:
    """Return whether a session is one of *user*, and not one of *admin*, who has the same id."""
    if str(data.get("user_id", column)) != str(user.id):
        return False
    if data.get("user_type") != ADMIN or admin is None:
        return True
    # The framework's login of a user stores the name, that of an administrator does not.
    return data.get("username") not in {None, admin.username}
