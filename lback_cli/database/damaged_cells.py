"""Find values of another type than their column, which SQLite stores without an error."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    DateTime,
    Integer,
    String,
    Table,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.types import TypeDecorator

from lback_cli.database.engine import Database
from lback_cli.models.tables import METADATA

_ROW: ColumnElement[int] = literal_column("rowid")


def find_damaged_cell(database: Database) -> str | None:
    """Return which cell of a SQLite file has a value that its column cannot have, as a sentence; None if none has.

    A server refuses such values. Every row is read, which takes some seconds for a million users.

    Raises:
        DatabaseError: The file cannot be read.
    """
    if database.url.get_backend_name() != "sqlite":
        return None
    with database.read_connection() as connection:
        for table, column in _columns():
            statement = select(_ROW).select_from(table).where(_is_damaged(column))
            row: int | None = connection.execute(statement).scalar()
            if row is not None:
                return f"The column {column.name} of {table.name} is damaged in row {row}."
    return None


def _columns() -> Iterator[tuple[Table, Column[Any]]]:
    for table in METADATA.tables.values():
        for column in table.columns:
            yield table, column


def _is_damaged(column: Column[Any]) -> ColumnElement[bool]:
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    expected = "integer" if isinstance(kind, Integer | Boolean) else "text"
    is_other = func.typeof(column).not_in([expected, "null"])
    if isinstance(kind, DateTime):
        day = func.substr(column, 1, 10, type_=String)
        # A modifier makes SQLite correct the 31st of February.
        date = func.strftime("%Y-%m-%d", column, "+0 days", type_=String)
        return or_(is_other, date.is_distinct_from(day))
    return is_other
