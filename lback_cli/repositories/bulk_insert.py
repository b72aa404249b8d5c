"""Inserting many rows with few statements, without SQLAlchemy's work for each row and value."""

from collections.abc import Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table
from sqlalchemy.engine import Connection, Dialect

from lback_cli.database.drivers.postgresql_copy import can_copy, copy_rows

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

_LARGEST_STATEMENT = 30_000
"""Values in one statement; PostgreSQL allows 65,535."""

_LARGEST_OF_SQLITE = 999
"""Values in one statement on SQLite before 3.32; larger statements save little more."""

_PLACEHOLDERS = {"qmark": "?", "format": "%s", "pyformat": "%s"}


def insert_rows(
    session: "Connection | Session", table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Insert *rows*, whose values are in the order of *columns* and in the form that `to_driver_value` returns."""
    if not rows:
        return
    connection = session if isinstance(session, Connection) else session.connection()
    dialect = connection.dialect
    if dialect.name == "postgresql" and len(rows) > 1 and can_copy(connection, table):
        copy_rows(connection, table, columns, rows)
        return
    if dialect.name == "sqlite":
        size = _LARGEST_OF_SQLITE // len(columns)
        # Parsing a statement of another length takes longer than it saves.
        whole = len(rows) // size * size
        parts = [(size, rows[:whole]), (1, rows[whole:])]
    else:
        size = _LARGEST_STATEMENT // len(columns)
        parts = [(len(part), part) for part in _cut(rows, size)]
    for size, part in parts:
        if part:
            values = [tuple(chain.from_iterable(few)) for few in _cut(part, size)]
            connection.exec_driver_sql(_statement(dialect, table, columns, size), values)


def to_driver_value(session: "Session", table: Table, column: str, value: Any) -> Any:
    """Return *value* as the driver takes it for that column."""
    dialect = session.connection().dialect
    convert = table.c[column].type.dialect_impl(dialect).bind_processor(dialect)
    return value if convert is None else convert(value)


def _cut(rows: Sequence[tuple[Any, ...]], size: int) -> list[Sequence[tuple[Any, ...]]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _statement(dialect: Dialect, table: Table, columns: Sequence[str], rows: int) -> str:
    quote = dialect.identifier_preparer.quote
    row = f"({', '.join([_PLACEHOLDERS[dialect.paramstyle]] * len(columns))})"
    names = ", ".join(map(quote, columns))
    return f"INSERT INTO {quote(table.name)} ({names}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - names of the models
