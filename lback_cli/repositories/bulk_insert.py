"""Inserting many rows with few statements, without SQLAlchemy's work for each row and value."""

from collections.abc import Callable, Sequence
from itertools import chain
from operator import methodcaller
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Table
from sqlalchemy.engine import Connection, Dialect

from lback_cli.database.drivers.own_execution import can_execute_own, execute_by
from lback_cli.database.drivers.postgresql_copy import can_copy, copy_line, copy_rows, copy_text

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

R = TypeVar("R")

_LARGEST_STATEMENT = 30_000
"""Values in one statement; PostgreSQL allows 65,535."""

_LARGEST_OF_SQLITE = 999
"""Values in one statement on SQLite before 3.32; larger statements save little more."""

_PLACEHOLDERS = {"qmark": "?", "format": "%s", "pyformat": "%s"}


def insert_rows(
    session: "Connection | Session",
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    meanwhile: Callable[[], None] = lambda: None,
) -> None:
    """Insert *rows*, whose values are in the order of *columns* and in the form that `driver_form` returns.

    *meanwhile* is called while the server stores the rows if COPY sends them, else afterwards. It must not use the
    connection.
    """
    if not rows:
        meanwhile()
        return
    connection = session if isinstance(session, Connection) else session.connection()
    dialect = connection.dialect
    if dialect.name == "postgresql" and len(rows) > 1 and can_copy(connection, table):
        copy_rows(connection, table, columns, rows, meanwhile)
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
    meanwhile()


class PreparedRows:
    """Rows to insert whose last values are known only when a lock is held; the others are made ready before.

    Args:
        connection: The connection, or a session.
        table: The table.
        columns: The columns, in the order of the values.
        rows: The rows without their last values. All values are text, integers or None.
    """

    def __init__(
        self, connection: "Connection | Session", table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        self._connection = connection if isinstance(connection, Connection) else connection.connection()
        self._table = table
        self._columns = columns
        self._rows = rows
        self._texts: list[str] = []
        # To make one row ready takes longer than it saves.
        is_prepared = len(rows) > 1 and can_execute_own(self._connection)
        self._is_copied = is_prepared and can_copy(self._connection, table)
        if self._is_copied:
            self._texts = list(map(copy_line, rows))
        elif is_prepared and self._connection.dialect.driver == "pymysql":
            cursor: Any = self._connection.connection.cursor()
            form = ",".join(["%s"] * len(rows[0]))
            self._texts = [cursor.mogrify(form, row) for row in rows]

    def insert(self, last: Sequence[tuple[str | int, ...]]) -> None:
        """Insert the rows with their *last* values, whose text has only letters, digits and ``:-.``."""
        if not self._texts:
            rows = [(*row, *values) for row, values in zip(self._rows, last, strict=True)]
            insert_rows(self._connection, self._table, self._columns, rows)
            return
        form = "\t%s" * len(last[0]) if self._is_copied else ",'%s'" * len(last[0])
        texts = [text + form % values for text, values in zip(self._texts, last, strict=True)]
        if self._is_copied:
            copy_text(self._connection, self._table, self._columns, texts)
            return
        start = _beginning(self._connection.dialect, self._table, self._columns)
        for some in _cut(texts, _LARGEST_STATEMENT // len(self._columns)):
            execute_by(self._connection, start, methodcaller("execute", f"{start}({'),('.join(some)})"))


def driver_form(session: "Connection | Session", table: Table, column: str) -> Callable[[Any], Any]:
    """Return a function that returns a value as the driver takes it for that column."""
    dialect = (session if isinstance(session, Connection) else session.connection()).dialect
    convert = table.c[column].type.dialect_impl(dialect).bind_processor(dialect)
    return convert or (lambda value: value)


def _cut(rows: Sequence[R], size: int) -> list[Sequence[R]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _statement(dialect: Dialect, table: Table, columns: Sequence[str], rows: int) -> str:
    row = f"({', '.join([_PLACEHOLDERS[dialect.paramstyle]] * len(columns))})"
    return _beginning(dialect, table, columns) + ", ".join([row] * rows)


def _beginning(dialect: Dialect, table: Table, columns: Sequence[str]) -> str:
    quote = dialect.identifier_preparer.quote
    return f"INSERT INTO {quote(table.name)} ({', '.join(map(quote, columns))}) VALUES "  # noqa: S608 - names of the models
