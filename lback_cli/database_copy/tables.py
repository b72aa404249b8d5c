"""Read and write whole tables, for a copy to another database."""

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
from lback_cli.database.introspection.framework_tables import FRAMEWORK_TABLES
from lback_cli.database.schema import VERSION_TABLE
from lback_cli.models.tables import EVENT_HEAD, EVENTS, METADATA, SECRETS, USERS, UtcDateTime
from lback_cli.repositories.event_repository import ChainHead, EventRepository
from lback_cli.repositories.sql_functions import binary_equal
from lback_cli.repositories.streaming import read_stream

PAGE_SIZE = 1000
"""Rows in memory at a time, and rows per transaction."""

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
"""The application's permissions. lback has no models of them, as it never uses them."""

_OWN_TO_A_DATABASE = {EVENT_HEAD.name, SECRETS.name}

TABLES = (*(table for table in METADATA.sorted_tables if table.name not in _OWN_TO_A_DATABASE), *_PERMISSIONS)
"""The tables to copy, each after those that it refers to. The head of the event log is set at the end."""

Row = Sequence[Any]


class Digest:
    """The SHA-256 over rows in order. Equal rows have equal digests on every database."""

    def __init__(self) -> None:
        self.rows = 0
        self._hash = hashlib.sha256()

    def add(self, row: Row) -> None:
        """Add a row."""
        self.rows += 1
        self._hash.update(json.dumps(list(row), default=datetime.isoformat).encode() + b"\n")

    def __str__(self) -> str:
        return self._hash.hexdigest()


class TableCopy:
    """The tables in one *session*."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def rows(self, table: Table) -> Generator[Row]:
        """Yield every row by primary key, fetched by the page. The caller must exhaust or close the generator."""
        # Each collation sorts text in its own order, and both databases must have the same.
        key = (binary_equal(column) if isinstance(column.type, String) else column for column in table.primary_key)
        statement = select(table).order_by(*key)
        for page in read_stream(self.session.execute, statement, size=PAGE_SIZE):
            yield from page

    def application_columns(self) -> list[str]:
        """Return the columns, as ``table.column``, that an application has added; `rows` leaves them out."""
        tables = inspect(self.session.connection())
        return [name for table in FRAMEWORK_TABLES for name in added_columns(tables, table)]

    def insert(self, table: Table, rows: Iterable[Row]) -> None:
        """Insert *rows* with their ids."""
        names = table.columns.keys()
        self.session.execute(insert(table), [dict(zip(names, row, strict=True)) for row in rows])

    def is_empty(self) -> bool:
        """Return whether no table has a row."""
        return all(self.session.execute(select(table).limit(1)).first() is None for table in TABLES)

    def count(self, table: Table) -> int:
        """Return the number of rows."""
        return self.session.execute(select(func.count()).select_from(table)).scalar_one()

    def empty(self) -> None:
        """Delete every row, referring tables first."""
        for table in reversed(TABLES):
            self.session.execute(delete(table))

    def digest(self, table: Table, advanced: Callable[[int], None]) -> Digest:
        """Return the digest of all rows, and call *advanced* with the number of rows of each page."""
        digest = Digest()
        for row in self.rows(table):
            digest.add(row)
            if digest.rows % PAGE_SIZE == 0:
                advanced(PAGE_SIZE)
        advanced(digest.rows % PAGE_SIZE)
        return digest

    @property
    def events(self) -> EventRepository:
        """The event log."""
        return EventRepository(self.session)

    def set_chain_head(self, head: ChainHead) -> None:
        """Set the head of the event log."""
        self.session.execute(EVENT_HEAD.update().where(EVENT_HEAD.c.id == 1).values(seq=head.seq, hash=head.hash))

    def change_revision(self, old: str, new: str) -> bool:
        """Change the revision of the tables from *old* to *new*; return false if it was another one."""
        statement = sql(f"UPDATE {VERSION_TABLE} SET version_num = :new WHERE version_num = :old")  # noqa: S608 - constant
        return cast("CursorResult[Any]", self.session.execute(statement, {"old": old, "new": new})).rowcount == 1

    def last_id(self, table: Table) -> int:
        """Return the greatest id that *table* ever assigned, as far as the database knows; 0 if it assigns none.

        Ids of deleted users count, because the event log names users by their ids.
        """
        if table.autoincrement_column is None:
            return 0
        used = [self.session.scalar(select(func.max(table.autoincrement_column))), self._counter(table)]
        if table is USERS:
            used.append(self.session.scalar(select(func.max(EVENTS.c.subject_id))))
        return max(number or 0 for number in used)

    def set_next_id_above(self, table: Table, last_id: int) -> None:
        """Let *table* assign ids above *last_id*. On MariaDB this ends the transaction."""
        if table.autoincrement_column is None or last_id < 1:
            return
        match self._dialect:
            case "sqlite":
                # A table without AUTOINCREMENT continues from its greatest id.
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
        """Return the last value of the database's counter for *table*."""
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
        """Return the sequence that numbers *table* on PostgreSQL; None if an application numbers it otherwise."""
        return self._scalar("SELECT pg_get_serial_sequence(:name, 'id')", name=f'"{table.name}"')

    def _scalar(self, statement: str, **values: Any) -> Any:
        return self._execute(statement, **values).scalar()

    def _execute(self, statement: str, **values: Any) -> Any:
        return self.session.execute(sql(statement), values)

    @property
    def _dialect(self) -> str:
        return self.session.connection().dialect.name
