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

REVISION = "0001"
"""The newest migration. Known here so that a plain command need not load Alembic to compare."""

VERSION_TABLE = "lback_alembic_version"

State = Literal["missing", "empty", "foreign", "older", "current", "newer"]


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """What was found: *state*, and the *revision* the database has (None where lback never set it up).

    ``missing``: no such file. ``empty``: no tables. ``foreign``: an application's tables without lback's.
    """

    state: State
    revision: str | None

    def require(self, database: Database) -> None:
        """Raise `SchemaError`, with the command that mends it, unless the tables fit this lback."""
        problem = {
            "missing": ("does not exist.", "Run: lback db init"),
            "empty": ("has no tables yet.", "Run: lback db init"),
            "foreign": (
                "holds an application's tables but none of lback's.",
                "lback works on tables of its own making.",
            ),
            "older": (
                f"has older tables than this lback needs ({self.revision} < {REVISION}).",
                "Run: lback db upgrade",
            ),
            "newer": (f"was set up by a newer lback ({self.revision} > {REVISION}).", "Upgrade lback-cli."),
        }.get(self.state)
        if problem is not None:
            raise SchemaError(f"The database {database.name} {problem[0]}", hint=problem[1])


def schema_status(database: Database) -> SchemaStatus:
    """Look at the database without changing it. Raises `DatabaseError` when it cannot be read."""
    if database.path is not None and not database.path.exists():
        return SchemaStatus("missing", None)
    with database.reading() as session:
        return _status(session.connection())


def _status(connection: Connection) -> SchemaStatus:
    tables = inspect(connection)
    if tables.has_table(VERSION_TABLE):
        revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - constant
        if revision is not None:
            state: State = "current" if revision == REVISION else "older" if revision < REVISION else "newer"
            return SchemaStatus(state, revision)
    return SchemaStatus("foreign" if tables.has_table("users") else "empty", None)


def ensure_schema(database: Database) -> None:
    """Make sure that the tables fit this lback; the embedded database is made and migrated on the spot.

    Raises `SchemaError` for any other that does not fit.
    """
    status = schema_status(database)
    if (database.embedded or database.in_memory) and status.state in ("missing", "empty", "older"):
        _migrate(database)
    else:
        status.require(database)


def initialize(database: Database) -> SchemaStatus:
    """Make the tables where there are none, and return the status from before.

    Raises `SchemaError` when there are tables that do not fit.
    """
    before = schema_status(database)
    if before.state in ("missing", "empty"):
        _migrate(database)
    else:
        before.require(database)
    return before


def upgrade(database: Database) -> SchemaStatus:
    """Migrate older tables, and return the status from before. Raises `SchemaError` when there is nothing to migrate."""
    before = schema_status(database)
    if before.state == "older":
        _migrate(database)
    else:
        before.require(database)
    return before


def _migrate(database: Database) -> None:
    """Bring the tables to this version in one transaction.

    Several processes may do this at once: the first one works, the others wait and find nothing left to do.
    """
    from lback_cli.database.migrations import migrate

    with translated(database.url):
        if database.path is not None:
            database.create_file()
            _use_wal(database)
        with database.engine.begin() as connection:
            if _status(connection).state != "current":
                migrate(connection)


def _use_wal(database: Database) -> None:
    """Switch the SQLite file to WAL, which lasts. The switch ignores the busy timeout, so waiting is done here."""
    deadline = time.monotonic() + database.busy_timeout
    while True:
        connection = database.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if time.monotonic() > deadline:
                raise DatabaseError(f"Cannot prepare {database.path}: {error}.") from error
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
