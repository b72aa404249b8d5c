"""Which version the tables have, and bringing them to this one."""

import sqlite3
import time
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from lback_cli.database.engine import Database
from lback_cli.database.faults import translated
from lback_cli.errors import DatabaseError, SchemaError

REVISION = "0004"
"""The newest migration. Known here so that a plain command need not load Alembic to compare."""

VERSION_TABLE = "lback_alembic_version"

State = Literal["missing", "empty", "foreign", "older", "current", "newer"]


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """What was found: *state*, the *revision* the database has (None where lback never set it up) and the one *needed*.

    ``missing``: no such file. ``empty``: no tables. ``foreign``: an application's tables without lback's.
    """

    state: State
    revision: str | None
    needed: str = REVISION


class Schema:
    """The tables of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def status(self) -> SchemaStatus:
        """Look at the database without changing it. Raises `DatabaseError` when it cannot be read."""
        if self._database.path is not None and not self._database.path.exists():
            return SchemaStatus("missing", None)
        with self._database.reading() as session:
            return _status(session.connection())

    def require(self) -> None:
        """Raise `SchemaError`, with the command that mends it, unless the tables fit this lback."""
        found = self.status()
        message, hint = {
            "missing": ("does not exist.", "Run: lback db init"),
            "empty": ("has no tables yet.", "Run: lback db init"),
            "foreign": ("holds an application's tables but none of lback's.", "Name another in database.url."),
            "older": (
                f"has older tables than this lback needs ({found.revision} < {REVISION}).",
                "Run: lback db upgrade",
            ),
            "newer": (f"was set up by a newer lback ({found.revision} > {REVISION}).", "Upgrade lback-cli."),
        }.get(found.state, (None, None))
        if message is not None:
            raise SchemaError(f"The database {self._database.name} {message}", hint=hint)

    def ensure(self) -> None:
        """Like `require`, but the embedded database, and one in memory, is made and migrated on the spot."""
        if self._database.embedded or self._database.in_memory:
            self._migrate_from("missing", "empty", "older")
        else:
            self.require()

    def initialize(self) -> SchemaStatus:
        """Make the tables where there are none, and return the status from before.

        Raises `SchemaError` when there are tables that do not fit.
        """
        return self._migrate_from("missing", "empty")

    def upgrade(self) -> SchemaStatus:
        """Migrate older tables, and return the status from before. Raises `SchemaError` where there are none."""
        return self._migrate_from("older")

    def _migrate_from(self, *states: State) -> SchemaStatus:
        before = self.status()
        if before.state in states:
            self._migrate()
        else:
            self.require()
        return before

    def _migrate(self) -> None:
        """Bring the tables to this version in one transaction.

        Several processes may do this at once: the first one works, the others wait and find nothing left to do.
        """
        from alembic.util import CommandError

        from lback_cli.database.migrations import migrate

        with translated(self._database.url):
            if self._database.path is not None:
                self._database.create_file()
                _use_wal(self._database)
            with self._database.engine.begin() as connection:
                if _status(connection).state != "current":
                    try:
                        migrate(connection)
                    except CommandError as error:
                        raise SchemaError(f"The database {self._database.name} cannot be migrated: {error}.") from error


def _status(connection: Connection) -> SchemaStatus:
    tables = inspect(connection)
    if tables.has_table(VERSION_TABLE):
        revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - constant
        if revision is not None:
            state: State = "current" if revision == REVISION else "older" if revision < REVISION else "newer"
            return SchemaStatus(state, revision)
    return SchemaStatus("foreign" if tables.has_table("users") else "empty", None)


def _use_wal(database: Database) -> None:
    """Switch the SQLite file to WAL, which lasts.

    The switch ignores the busy timeout, so waiting is done here, for as long as SQLite says busy in the low byte of its
    error code.
    """
    deadline = time.monotonic() + database.busy_timeout
    while True:
        connection = database.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise DatabaseError(f"Cannot prepare {database.path}: {error}.") from error
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
