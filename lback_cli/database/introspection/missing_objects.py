"""What is missing of lback's tables."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint, inspect
from sqlalchemy.engine import Connection

from lback_cli.database.introspection.unique_keys import unique_keys
from lback_cli.models.metadata import METADATA
from lback_cli.problem import Problem

_RESTORE = "Restore it from a backup; no migration makes it again."


def missing(connection: Connection, *, except_for: Collection[str] = ()) -> Iterator[Problem]:
    """Tables, columns and unique indexes that lback relies on and that are not there, but *except_for* some tables."""
    found = inspect(connection)
    there = set(found.get_table_names()) | set(found.get_view_names())
    for table in METADATA.sorted_tables:
        if table.name in except_for:
            continue
        if table.name not in there:
            yield Problem(f"The table {table.name} is missing.", _RESTORE)
            continue
        columns = {column["name"] for column in found.get_columns(table.name)}
        gone = [column.name for column in table.columns if column.name not in columns]
        yield from (Problem(f"The column {table.name}.{name} is missing.", _RESTORE) for name in gone)
        kept = unique_keys(found, table.name)
        for key in sorted(_needed(table) - kept, key=sorted):
            if not key & set(gone):
                yield _unprotected(connection, table, key)


def _needed(table: Table) -> set[frozenset[str]]:
    """The sets of columns that must not hold the same twice."""
    keys: list[Any] = [index for index in table.indexes if index.unique]
    keys += [one for one in table.constraints if isinstance(one, UniqueConstraint | PrimaryKeyConstraint)]
    return {frozenset(column.name for column in key.columns) for key in keys}


def _unprotected(connection: Connection, table: Table, key: frozenset[str]) -> Problem:
    columns = [column.name for column in table.columns if column.name in key]
    quote = connection.dialect.identifier_preparer.quote
    name = quote(f"ix_{table.name}_{'_'.join(columns)}")
    listed = ", ".join(map(quote, columns))
    return Problem(
        f"Nothing keeps {table.name} from holding the same {' and '.join(columns)} twice: the unique index is missing.",
        f"Run: CREATE UNIQUE INDEX {name} ON {quote(table.name)} ({listed})",
    )
