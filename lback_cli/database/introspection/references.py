"""Which rows of which tables refer to a row: the error of a foreign key does not say."""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection


class Reference(NamedTuple):
    """The *rows* whose *column* refers to a row."""

    column: str
    rows: int

    def __str__(self) -> str:
        return f"{self.column} ({self.rows} row{'' if self.rows == 1 else 's'})"


def find_references(connection: Connection, table: str, row_id: int) -> list[Reference]:
    """Return what refers to the row of *table* with that id, in every table that lback can see."""
    return list(_references(connection, table, row_id))


def _references(connection: Connection, table: str, row_id: int) -> Iterator[Reference]:
    tables = sa.inspect(connection)
    for name in tables.get_table_names():
        for key in tables.get_foreign_keys(name):
            if key["referred_table"].lower() != table or len(key["constrained_columns"]) != 1:
                continue
            (column_name,) = key["constrained_columns"]
            column: sa.ColumnClause[int] = sa.column(column_name)
            count = sa.select(sa.func.count()).select_from(sa.table(name, column)).where(column == row_id)
            if rows := connection.execute(count).scalar_one():
                yield Reference(f"{name}.{column_name}", rows)
