"""Whole tables of one database, row by row: what moving them to another takes."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Generator, Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import (
    Column,
    CursorResult,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from lback_cli.database.introspection.adoption import added_columns
from lback_cli.database.introspection.framework_tables import FRAMEWORK
from lback_cli.database.schema import VERSION_TABLE
from lback_cli.models import EVENT_HEAD, EVENTS, User
from lback_cli.models.base import UtcDateTime
from lback_cli.models.metadata import METADATA
from lback_cli.repositories.event_repository import ChainHead, EventRepository

PAGE = 1000
"""Rows that are held, and inserted in one transaction, at a time."""

_permissions = MetaData()
_PERMISSIONS = (
    Table(
        "userpermissions",
        _permissions,
        Column("id", Integer, primary_key=True),
        Column("name", String(255)),
        Column("description", Text),
        Column("created_at", UtcDateTime),
        Column("updated_at", UtcDateTime),
    ),
    Table(
        "group_permissions_association",
        _permissions,
        Column("group_id", Integer, primary_key=True),
        Column("permission_id", Integer, ForeignKey("userpermissions.id"), primary_key=True),
    ),
)
"""The application's permissions, which lback has no models of, as it never looks at them."""

TABLES = (*(table for table in METADATA.sorted_tables if table is not EVENT_HEAD), *_PERMISSIONS)
"""What is copied, each table behind those that it refers to. The head of the event log is set when all is there."""

Row = Sequence[Any]


class Digest:
    """SHA-256 over rows in order: equal only where all of them are, on whatever database they are."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, row: Row) -> None:
        """Take one more row."""
        self.rows += 1
        self._hash.update(json.dumps(list(row), default=datetime.isoformat).encode() + b"\n")

    def __str__(self) -> str:
        return self._hash.hexdigest()


class TableCopy:
    """The tables in one *session*."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def rows(self, table: Table) -> Generator[Row]:
        """Every row by primary key, fetched a page at a time and not kept; to be read to its end, or closed."""
        statement = select(table).order_by(*table.primary_key)
        with contextlib.closing(self.session.execute(statement, execution_options={"yield_per": PAGE})) as result:
            for page in result.partitions():
                yield from page

    def left_out(self) -> list[str]:
        """The columns, as ``table.column``, that `rows` does not tell of: an application's own."""
        tables = inspect(self.session.connection())
        return [name for table in FRAMEWORK for name in added_columns(tables, table)]

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Add *rows*, ids and all."""
        names = table.columns.keys()
        self.session.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])

    def is_empty(self) -> bool:
        """Whether no table has a row."""
        return all(self.session.execute(select(table).limit(1)).first() is None for table in TABLES)

    def count(self, table: Table) -> int:
        """How many rows there are."""
        return self.session.execute(select(func.count()).select_from(table)).scalar_one()

    def empty(self) -> None:
        """Delete every row, those that refer to others first."""
        for table in reversed(TABLES):
            self.session.execute(delete(table))

    def digest(self, table: Table, told: Callable[[int], None]) -> Digest:
        """What the rows amount to; *told* of how many more were read, a page at a time."""
        digest = Digest()
        for row in self.rows(table):
            digest.add(row)
            if digest.rows % PAGE == 0:
                told(PAGE)
        told(digest.rows % PAGE)
        return digest

    @property
    def events(self) -> EventRepository:
        """The event log."""
        return EventRepository(self.session)

    def set_head(self, head: ChainHead) -> None:
        """Let the event log end there."""
        self.session.execute(EVENT_HEAD.update().where(EVENT_HEAD.c.id == 1).values(seq=head.seq, hash=head.hash))

    def change_revision(self, old: str, new: str) -> bool:
        """Let the tables be of the revision *new*; whether they were of *old*, which they have to be."""
        statement = sql(f"UPDATE {VERSION_TABLE} SET version_num = :new WHERE version_num = :old")  # noqa: S608 - constant
        return cast("CursorResult[Any]", self.session.execute(statement, {"old": old, "new": new})).rowcount == 1

    def last_id(self, table: Table) -> int:
        """The greatest id that *table* ever gave, as far as the database knows; 0 where it gives none.

        It may be that of a row that is gone: an id in the event log must not come to mean somebody else.
        """
        if table.autoincrement_column is None:
            return 0
        used = [self.session.scalar(select(func.max(table.autoincrement_column))), self._counter(table)]
        if table is User.__table__:
            used.append(self.session.scalar(select(func.max(EVENTS.c.subject_id))))
        return max(number or 0 for number in used)

    def continue_above(self, table: Table, last_id: int) -> None:
        """Let *table* give ids above *last_id*. On MariaDB that ends the transaction."""
        if table.autoincrement_column is None or last_id < 1:
            return
        match self._dialect:
            case "sqlite":
                # A table without AUTOINCREMENT goes by its greatest id.
                definition = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name"
                if "AUTOINCREMENT" in (self._scalar(definition, name=table.name) or "").upper():
                    self._execute("DELETE FROM sqlite_sequence WHERE name = :name", name=table.name)
                    insertion = "INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :last)"
                    self._execute(insertion, name=table.name, last=last_id)
            case "postgresql":
                setting = "SELECT setval(CAST(:sequence AS regclass), :last)"
                self._execute(setting, sequence=self._sequence(table), last=last_id)
            case _:
                self._execute(f"ALTER TABLE `{table.name}` AUTO_INCREMENT = {last_id + 1:d}")

    def _counter(self, table: Table) -> int | None:
        """The greatest id given, from where the database counts."""
        found: int | None
        match self._dialect:
            case "sqlite":
                counting = self._scalar("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'")
                statement = "SELECT seq FROM sqlite_sequence WHERE name = :name"
                found = counting and self._scalar(statement, name=table.name)
            case "postgresql":
                statement = "SELECT pg_sequence_last_value(CAST(:sequence AS regclass))"
                found = self._scalar(statement, sequence=self._sequence(table))
            case _:
                statement = (
                    "SELECT auto_increment - 1 FROM information_schema.tables "
                    "WHERE table_schema = DATABASE() AND table_name = :name"
                )
                found = self._scalar(statement, name=table.name)
        return found

    def _sequence(self, table: Table) -> Any:
        """What PostgreSQL takes the ids of *table* from; null where an application numbers them otherwise."""
        return self._scalar("SELECT pg_get_serial_sequence(:name, 'id')", name=f'"{table.name}"')

    def _scalar(self, statement: str, **values: Any) -> Any:
        return self._execute(statement, **values).scalar()

    def _execute(self, statement: str, **values: Any) -> Any:
        return self.session.execute(sql(statement), values)

    @property
    def _dialect(self) -> str:
        return self.session.connection().dialect.name
