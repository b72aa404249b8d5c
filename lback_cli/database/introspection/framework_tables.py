"""The tables of the lback framework 0.1, which lback creates too, and which of them a database has."""

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import inspect, literal, select, table
from sqlalchemy.engine import Connection

Kind = Literal["number", "text", "flag", "moment"]


@dataclass(frozen=True, slots=True)
class FrameworkColumn:
    """The properties that a column must have.

    *nullable* None accepts either. *length* is the length in characters of the longest text that lback writes there.
    *references* is the table that the column refers to.
    """

    kind: Kind
    nullable: bool | None = False
    length: int = 0
    unique: bool = False
    indexed: bool = False
    references: str | None = None
    primary_key: bool = False


ID = FrameworkColumn("number", nullable=None, primary_key=True)
_NAME = FrameworkColumn("text", length=64, unique=True)
_FLAG = FrameworkColumn("flag")
_MOMENT = FrameworkColumn("moment", nullable=None)
_NAMED = {
    "id": ID,
    "name": _NAME,
    "description": FrameworkColumn("text", nullable=True),
    "created_at": _MOMENT,
    "updated_at": _MOMENT,
}


def _reference(table: str) -> FrameworkColumn:
    return FrameworkColumn("number", nullable=None, references=table, primary_key=True)


FRAMEWORK_TABLES: dict[str, dict[str, FrameworkColumn]] = {
    "users": {
        "id": ID,
        "username": _NAME,
        "email": FrameworkColumn("text", length=254, unique=True),
        "password": FrameworkColumn("text", length=128),
        "is_active": _FLAG,
        "is_email_verified": _FLAG,
        "email_verification_token": FrameworkColumn("text", nullable=True, length=32, indexed=True),
        "email_verification_token_expiry": FrameworkColumn("moment", nullable=True),
        "auth_token": FrameworkColumn("text", nullable=True, length=64, indexed=True),
        "token_expiry": FrameworkColumn("moment", nullable=True),
        "created_at": FrameworkColumn("moment"),
        "updated_at": FrameworkColumn("moment"),
    },
    "groups": _NAMED,
    "userpermissions": _NAMED,
    "user_groups_association": {"user_id": _reference("users"), "group_id": _reference("groups")},
    "group_permissions_association": {"group_id": _reference("groups"), "permission_id": _reference("userpermissions")},
}
"""The columns of each table of the lback framework 0.1, by name."""


def is_own_partial_setup(connection: Connection) -> bool:
    """Return whether an empty version table was left by an interrupted lback setup.

    True if all framework tables exist, or if those that exist have lback's columns and no rows. Only MariaDB leaves
    such a state, as it commits each CREATE TABLE by itself.
    """
    present = _present_tables(connection)
    return len(present) == len(FRAMEWORK_TABLES) or all(_is_unused(connection, name) for name in present)


def is_framework_database(connection: Connection) -> bool:
    """Return whether all framework tables exist."""
    return len(_present_tables(connection)) == len(FRAMEWORK_TABLES)


def has_user_data(connection: Connection) -> bool:
    """Return whether any framework table has a row, so that an application is using them."""
    return not all(_is_empty(connection, name) for name in _present_tables(connection))


def _present_tables(connection: Connection) -> list[str]:
    tables = inspect(connection)
    return [name for name in FRAMEWORK_TABLES if tables.has_table(name)]


def _is_unused(connection: Connection, name: str) -> bool:
    columns = {column["name"] for column in inspect(connection).get_columns(name)}
    return columns == FRAMEWORK_TABLES[name].keys() and _is_empty(connection, name)


def _is_empty(connection: Connection, name: str) -> bool:
    return connection.execute(select(literal(1)).select_from(table(name)).limit(1)).first() is None
