"""What migrations make.

One that was cut off has left a part of it on MariaDB, which commits each DDL statement by itself. What continues it
skips what is there.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

_SERVERS = ("mysql", "mariadb")

EXACT: dict[str, Any] = {f"{server}_collate": "utf8mb4_bin" for server in _SERVERS}
"""For a table of lback's own: MariaDB takes letters of any case and accent for equal unless told otherwise."""

_ANY_TEXT: dict[str, Any] = {f"{server}_charset": "utf8mb4" for server in _SERVERS}
"""Whatever the database has as its default, which may know the letters of one language only."""


def create_table(name: str, *columns: sa.schema.SchemaItem, **options: Any) -> None:
    """Create a table, and the plain index of each column that asks for one.

    Raises `CommandError` where somebody else made a table of that name.
    """
    indexed = [column for column in columns if isinstance(column, sa.Column) and column.index]
    for column in indexed:
        column.index = None
    if _continues() and _found().has_table(name):
        there = {column["name"] for column in _found().get_columns(name)}
        if there != {column.name for column in columns if isinstance(column, sa.Column)}:
            raise CommandError(f"{name} is there, and not as lback makes it")
    else:
        op.create_table(name, *columns, **_ANY_TEXT, **options)
    for column in indexed:
        create_index(f"ix_{name}_{column.name}", name, [column.name])


def create_index(name: str, table: str, columns: Sequence[str], *, unique: bool = False) -> None:
    """Create an index."""
    if not (_continues() and name in {index["name"] for index in _found().get_indexes(table)}):
        op.create_index(name, table, columns, unique=unique)


def insert_first(table: str, **values: Any) -> None:
    """Insert the row that *table* begins with."""
    columns: list[sa.ColumnClause[Any]] = [sa.column(name) for name in values]
    rows = sa.table(table, *columns)
    if not (_continues() and op.get_bind().execute(sa.select(*columns).select_from(rows)).first()):
        op.bulk_insert(rows, [values])


def _continues() -> bool:
    return bool(op.get_context().opts.get("continuing"))


def _found() -> sa.Inspector:
    return sa.inspect(op.get_bind())
