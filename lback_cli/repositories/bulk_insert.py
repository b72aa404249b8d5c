"""Inserting many rows of one shape at once, past the work that SQLAlchemy does for each row and value."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Session

_LARGEST_STATEMENT = 30_000
"""Values in one statement; PostgreSQL counts them with 16 bits."""

_LARGEST_OF_SQLITE = 999
"""The same for SQLite before 3.32; much larger ones save little more."""

_PLACEHOLDERS = {"qmark": "?", "format": "%s", "pyformat": "%s"}


def insert_rows(session: Session, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert *rows* of values in the order of *columns*, each in the form that `to_driver_value` gives it."""
    if not rows:
        return
    connection = session.connection()
    dialect = connection.dialect
    if dialect.name == "sqlite":
        size = _LARGEST_OF_SQLITE // len(columns)
        # A statement of yet another length would have to be parsed, which takes longer than it saves.
        whole = len(rows) // size * size
        parts = [(size, rows[:whole]), (1, rows[whole:])]
    else:
        size = _LARGEST_STATEMENT // len(columns)
        parts = [(len(part), part) for part in _cut(rows, size)]
    for size, part in parts:
        if part:
            values = [tuple(chain.from_iterable(few)) for few in _cut(part, size)]
            connection.exec_driver_sql(_statement(dialect, table, columns, size), values)


def to_driver_value(session: Session, table: Table, column: str, value: Any) -> Any:
    """*value* as the driver takes it for that column: done once for what all rows share."""
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
