"""COPY with psycopg."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sqlalchemy import Table
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

from lback_cli.database.drivers.own_execution import can_execute_own, execute_by

_KNOWN = "lback_can_copy"
"""Where the information about a connection says into which tables it can copy."""

# COPY ignores rules, and refuses a table with row security or another kind of relation. PGlite, which is compiled by
# emcc, lacks this part of the protocol.
_CAN_COPY = """
SELECT relkind IN ('r', 'p') AND NOT relhasrules AND NOT row_security_active(oid)
  AND version() NOT LIKE '%%emcc%%'
FROM pg_class WHERE oid = to_regclass(%(table)s)
"""

_SPECIAL = "\\\t\n\r"
"""Characters with a meaning in the text format of COPY."""

_ESCAPES = str.maketrans(dict(zip(_SPECIAL, (r"\\", r"\t", r"\n", r"\r"), strict=True)))


def can_copy(connection: Connection, table: Table) -> bool:
    """Return whether *connection* can use COPY, and it stores the same in *table* as INSERT does."""
    if connection.dialect.driver != "psycopg" or not can_execute_own(connection):
        return False
    known: dict[str, bool] = connection.info.setdefault(_KNOWN, {})
    if table.name not in known:
        known[table.name] = False
        try:
            with connection.begin_nested():
                known[table.name] = connection.exec_driver_sql(_CAN_COPY, {"table": table.name}).scalar() is True
        except ProgrammingError:
            # Some databases that speak the protocol of PostgreSQL lack the functions.
            pass
    return known[table.name]


def copy_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    rows: Iterable[tuple[Any, ...]],
    meanwhile: Callable[[], None],
) -> None:
    """Insert *rows*, whose values are in the order of *columns* and in the form that the driver takes.

    *meanwhile* is called while the server stores the rows; it must not use the connection.
    """
    statement = _statement(connection, table, columns)

    def run(cursor: Any) -> None:
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
            meanwhile()

    execute_by(connection, statement, run)


def copy_text(connection: Connection, table: Table, columns: Sequence[str], lines: Sequence[str]) -> None:
    """Insert rows that are *lines* of the values of *columns*, as `copy_line` returns them."""
    statement = _statement(connection, table, columns)

    def run(cursor: Any) -> None:
        with cursor.copy(statement) as copy:
            copy.write("\n".join([*lines, ""]))

    execute_by(connection, statement, run)


def copy_line(values: Sequence[str | int | None]) -> str:
    """Return *values* in the text format of COPY, without the end of the line."""
    texts = [None if value is None else str(value) for value in values]
    joined = "".join(filter(None, texts))
    if any(character in joined for character in _SPECIAL):
        texts = [None if text is None else text.translate(_ESCAPES) for text in texts]
    return "\t".join([r"\N" if text is None else text for text in texts])


def _statement(connection: Connection, table: Table, columns: Sequence[str]) -> str:
    quote = connection.dialect.identifier_preparer.quote
    return f"COPY {quote(table.name)} ({', '.join(map(quote, columns))}) FROM STDIN"
