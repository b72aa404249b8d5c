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

    Raises `SchemaError` for any other that does not fit, with the command that mends it.
    """
    status = schema_status(database)
    if status.state == "current":
        return
    if status.state == "newer":
        raise SchemaError(
            f"The database was set up by a newer lback (revision {status.revision}, this one knows {REVISION}).",
            hint="Upgrade lback-cli.",
        )
    if database.in_memory or (database.embedded and status.state in ("missing", "empty", "older")):
        upgrade(database)
        return
    name = database.path or database.url.render_as_string(hide_password=True)
    if status.state == "older":
        raise SchemaError(
            f"The tables in {name} are older than this lback ({status.revision} < {REVISION}).",
            hint="Run: lback db upgrade",
        )
    if status.state == "foreign":
        raise SchemaError(f"{name} holds an application's tables but none of lback's.", hint="See: lback db status")
    what = "does not exist" if status.state == "missing" else "has no tables yet"
    raise SchemaError(f"The database {name} {what}.", hint="Run: lback db init")


def upgrade(database: Database) -> SchemaStatus:
    """Create or migrate lback's tables in one transaction, and return the status from before.

    Several processes may do this at once: the first one works, the others wait and find nothing left to do.
    """
    before = schema_status(database)
    if before.state in ("newer", "foreign"):
        raise SchemaError(f"lback will not touch these tables (state: {before.state}).", hint="See: lback db status")
    from lback_cli.database.migrations import migrate

    with translated(database.url):
        if database.path is not None:
            database.create_file()
            _use_wal(database)
        with database.engine.begin() as connection:
            if _status(connection).state != "current":
                migrate(connection)
    return before


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
