"""COPY with psycopg, executed like any statement of SQLAlchemy, so that its errors are handled like theirs."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Engine, Table, event
from sqlalchemy.engine import Connection
from sqlalchemy.exc import ProgrammingError

_ROWS = "lback_copied_rows"
"""The execution option with the rows of a COPY."""

_KNOWN = "lback_can_copy"
"""Where the information about a connection says into which tables it can copy."""

# COPY ignores rules, and refuses a table with row security or another kind of relation.
_CAN_COPY = """
SELECT relkind IN ('r', 'p') AND NOT relhasrules AND NOT row_security_active(oid)
FROM pg_class WHERE oid = to_regclass(%(table)s)
"""


def enable_copy(engine: Engine) -> None:
    """Let `copy_rows` use connections of *engine*."""

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, _parameters: Any, context: Any) -> bool:
        rows = context.execution_options.get(_ROWS)
        if rows is None:
            return False
        with cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
        return True


def can_copy(connection: Connection, table: Table) -> bool:
    """Return whether `copy_rows` stores the same in *table* as INSERT does."""
    if connection.dialect.driver != "psycopg":
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


def copy_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Insert *rows*, whose values are in the order of *columns* and in the form that the driver takes."""
    quote = connection.dialect.identifier_preparer.quote
    statement = f"COPY {quote(table.name)} ({', '.join(map(quote, columns))}) FROM STDIN"
    connection.exec_driver_sql(statement, execution_options={_ROWS: rows})
