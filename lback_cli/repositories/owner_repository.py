"""Who owns the users and groups that `lback apply` made."""

from typing import TYPE_CHECKING, Literal

from sqlalchemy import and_, delete, insert, literal, select

from lback_cli.models.tables import GROUPS, OWNED, USERS

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.orm import Session

Kind = Literal["user", "group"]

_TABLES = {"user": USERS, "group": GROUPS}


class OwnerRepository:
    """Owners in one session."""

    def __init__(self, session: "Session | Connection") -> None:
        self._session = session

    def add(self, owner: str, kind: Kind, object_id: int) -> None:
        """Store that *owner* made the object with that id, which has been written."""
        table = _TABLES[kind]
        # What is left of another object that had the id.
        self._session.execute(delete(OWNED).where(OWNED.c.kind == kind, OWNED.c.object_id == object_id))
        # As the database has it: an application's column may store fewer digits of a second.
        made = select(literal(kind), table.c.id, table.c.created_at, literal(owner)).where(table.c.id == object_id)
        columns = (OWNED.c.kind, OWNED.c.object_id, OWNED.c.object_created_at, OWNED.c.owner)
        self._session.execute(insert(OWNED).from_select(columns, made))

    def owned(self, owner: str, kind: Kind) -> dict[int, str]:
        """Return the names of the objects that *owner* made and that still exist, by id."""
        table = _TABLES[kind]
        same = and_(OWNED.c.object_id == table.c.id, OWNED.c.object_created_at == table.c.created_at)
        name = USERS.c.username if kind == "user" else GROUPS.c.name
        statement = select(table.c.id, name).join(OWNED, same).where(OWNED.c.kind == kind, OWNED.c.owner == owner)
        return {number: text for number, text in self._session.execute(statement.order_by(table.c.id))}  # noqa: C416 - rows
