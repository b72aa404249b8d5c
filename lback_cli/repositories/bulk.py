"""Inserting many rows of one shape at once, past the work that SQLAlchemy does for each row and value."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

_LARGEST_STATEMENT = 30_000
"""Values in one statement; PostgreSQL counts them with 16 bits."""

_PLACEHOLDERS = {"qmark": "?", "format": "%s", "pyformat": "%s"}


def insert_rows(session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert *rows* of values in the order of *columns*, each in the form that `stored` gives it."""
    if not rows:
        return
    connection = session.connection()
    dialect = connection.dialect
    if dialect.name == "sqlite":
        # Nothing has to travel, so that a statement for each row costs least.
        connection.exec_driver_sql(_statement(dialect, table, columns, 1), list(rows))
        return
    size = _LARGEST_STATEMENT // len(columns)
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        values = tuple(value for row in part for value in row)
        connection.exec_driver_sql(_statement(dialect, table, columns, len(part)), values)


def stored(session: Session, table: Table, column: str, value: Any) -> Any:
    """*value* as the driver takes it for that column: done once for what all rows share."""
    dialect = session.connection().dialect
    convert = table.c[column].type.dialect_impl(dialect).bind_processor(dialect)
    return value if convert is None else convert(value)


def _statement(dialect: Dialect, table: Table, columns: Sequence[str], rows: int) -> str:
    quote = dialect.identifier_preparer.quote
    row = f"({', '.join([_PLACEHOLDERS[dialect.paramstyle]] * len(columns))})"
    names = ", ".join(map(quote, columns))
    return f"INSERT INTO {quote(table.name)} ({names}) VALUES {', '.join([row] * rows)}"  # noqa: S608 - names of the models
