"""The operations of migrations.

MariaDB commits each DDL statement by itself, so an interrupted migration leaves some of its tables. A run that
continues it skips what exists.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

_SERVERS = ("mysql", "mariadb")

EXACT: dict[str, Any] = {f"{server}_collate": "utf8mb4_bin" for server in _SERVERS}
"""Options for lback's own tables: MariaDB's default collation ignores case and accents."""

_CHARSET: dict[str, Any] = {f"{server}_charset": "utf8mb4" for server in _SERVERS}
"""Options for every table: the database's default character set may cover one language only."""


def create_table(name: str, *columns: sa.schema.SchemaItem, **options: Any) -> None:
    """Create a table and the indexes of its columns.

    Raises `CommandError` if a different table of that name exists.
    """
    indexed = [column for column in columns if isinstance(column, sa.Column) and column.index]
    for column in indexed:
        column.index = None
    if _is_continuing() and _inspector().has_table(name):
        existing = {column["name"] for column in _inspector().get_columns(name)}
        # A later migration may have added columns before it was interrupted.
        if not {column.name for column in columns if isinstance(column, sa.Column)} <= existing:
            raise CommandError(f"{name} exists, but not as lback creates it")
    else:
        op.create_table(name, *columns, **_CHARSET, **options)
    for column in indexed:
        create_index(f"ix_{name}_{column.name}", name, [column.name])


def add_column(table: str, column: sa.Column[Any]) -> None:
    """Add *column* to *table*."""
    if not (_is_continuing() and column.name in {existing["name"] for existing in _inspector().get_columns(table)}):
        op.add_column(table, column)


def create_index(name: str, table: str, columns: Sequence[str], *, unique: bool = False, **options: Any) -> None:
    """Create an index."""
    if not (_is_continuing() and name in {index["name"] for index in _inspector().get_indexes(table)}):
        op.create_index(name, table, columns, unique=unique, **options)


def insert_first(table: str, **values: Any) -> None:
    """Insert the first row of *table*."""
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in values]
    rows = sa.table(table, *columns)
    if not (_is_continuing() and op.get_bind().execute(sa.select(*columns).select_from(rows)).first()):
        op.bulk_insert(rows, [values])


def _is_continuing() -> bool:
    return bool(op.get_context().opts.get("continuing"))


def _inspector() -> sa.Inspector:
    return sa.inspect(op.get_bind())
