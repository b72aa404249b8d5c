"""Tables, columns and unique indexes of lback that the database lacks."""

from collections.abc import Collection, Iterator
from typing import Any

from sqlalchemy import PrimaryKeyConstraint, Table, UniqueConstraint, inspect
from sqlalchemy.engine import Connection

from lback_cli.database.introspection.catalog_queries import unique_keys
from lback_cli.models.tables import METADATA
from lback_cli.problem import Problem

_RESTORE = "Restore it from a backup; no migration creates it again."


def missing_objects(connection: Connection, *, except_for: Collection[str] = ()) -> Iterator[Problem]:
    """Yield a problem for each missing table, column and unique index. Tables in *except_for* are not checked."""
    inspector = inspect(connection)
    present = set(inspector.get_table_names()) | set(inspector.get_view_names())
    for table in METADATA.sorted_tables:
        if table.name in except_for:
            continue
        if table.name not in present:
            yield Problem(f"The table {table.name} is missing.", _RESTORE)
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        missing = [column.name for column in table.columns if column.name not in columns]
        yield from (Problem(f"The column {table.name}.{name} is missing.", _RESTORE) for name in missing)
        present_keys = unique_keys(inspector, table.name)
        for key in sorted(_required_keys(table) - present_keys, key=sorted):
            if not key & set(missing):
                yield _missing_index(connection, table, key)


def _required_keys(table: Table) -> set[frozenset[str]]:
    """Return the sets of columns that must be unique."""
    keys: list[Any] = [index for index in table.indexes if index.unique]
    keys += [rule for rule in table.constraints if isinstance(rule, UniqueConstraint | PrimaryKeyConstraint)]
    return {frozenset(column.name for column in key.columns) for key in keys}


def _missing_index(connection: Connection, table: Table, key: frozenset[str]) -> Problem:
    columns = [column.name for column in table.columns if column.name in key]
    quote = connection.dialect.identifier_preparer.quote
    name = quote(f"ix_{table.name}_{'_'.join(columns)}")
    return Problem(
        f"The unique index on {table.name} ({', '.join(columns)}) is missing, so duplicates are possible.",
        f"Run: CREATE UNIQUE INDEX {name} ON {quote(table.name)} ({', '.join(map(quote, columns))})",
    )
