"""Which version the tables have, and bringing them to this one."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeVar

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from lback_cli.database.engine import Database
from lback_cli.database.error_messages import translate_errors
from lback_cli.database.introspection import partial_setup
from lback_cli.database.introspection.framework_tables import FRAMEWORK
from lback_cli.database.retry import retried
from lback_cli.errors import DatabaseError, SchemaError

if TYPE_CHECKING:
    from lback_cli.database.introspection.adoption import AdoptionReport

REVISION = "0004"
"""The newest migration. Known here so that a plain command need not load Alembic to compare."""

VERSION_TABLE = "lback_alembic_version"

COPYING = "copying-"
"""Begins the revision of a database that is being copied to, so that nobody works on half of a copy."""

_LOCK = 0x6C6261636B
"""What PostgreSQL calls the lock of those who migrate: it takes numbers only, and each database has its own."""

LONGEST_WAIT = 3600
"""Seconds that one waits on MariaDB for somebody else's migration."""

R = TypeVar("R")

State = Literal["missing", "empty", "incomplete", "foreign", "copying", "older", "current", "newer"]


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """What was found: *state*, the *revision* the database has (None where lback never set it up) and the one *needed*.

    ``missing``: no such file. ``empty``: no tables. ``incomplete``: some of lback's tables, as MariaDB keeps them where
    making them was cut off. ``foreign``: an application's tables without lback's.
    ``copying``: the target of a copy that is not finished.
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
        return self._looking(_status)

    def _looking(self, look: Callable[[Connection], R]) -> R:
        """What *look* finds, and finds again where somebody else is making or changing the tables on a server.

        A SQLite file shows no such half, and who waits for it has waited for the busy timeout already.
        """

        def once() -> R:
            with self._database.reading() as session:
                return look(session.connection())

        return once() if self._database.path is not None else retried(once)

    def require(self) -> None:
        """Raise `SchemaError`, with the command that mends it, unless the tables fit this lback."""
        found = self.status()
        message, hint = {
            "missing": ("does not exist.", "Run: lback db init"),
            "empty": ("has no tables yet.", "Run: lback db init"),
            "incomplete": ("was set up only in part.", None),
            "foreign": ("holds an application's tables but none of lback's.", None),
            "copying": ("is the target of a copy that is not finished.", "Run 'lback db copy' again."),
            "older": (
                f"has older tables than this lback needs ({found.revision} < {REVISION}).",
                "Run: lback db upgrade",
            ),
            "newer": (f"was set up by a newer lback ({found.revision} > {REVISION}).", "Upgrade lback-cli."),
        }.get(found.state, (None, None))
        if message is not None:
            raise SchemaError(f"The database {self._database.name} {message}", hint=hint or self._advice(found.state))

    def _advice(self, state: State) -> str:
        """What to do about a state that the tables of an application decide on."""
        if state == "incomplete":
            return f"Run: lback db {'adopt' if self._looking(partial_setup.has_user_data) else 'init'}"
        return _advise(self.check_adoptable())

    def check_adoptable(self) -> "AdoptionReport":
        """Compare the tables of an application with those that lback can adopt, changing nothing."""
        return self._looking(_examine)

    def adopt(self) -> "AdoptionReport | None":
        """Add lback's tables to those of an application of the lback framework, and return what was found in them.

        None means that they were added before.

        No table of the application is changed, nor is how its SQLite file is kept. Raises `SchemaError`, having changed
        nothing, when a table is not what the framework makes it, or when there is none.
        """
        before = self.status()
        found: AdoptionReport | None = None
        if before.state in {"foreign", "incomplete"}:
            with self._migration() as connection:
                before = _status(connection)
                if before.state == "foreign" or (
                    before.state == "incomplete" and partial_setup.is_framework_database(connection)
                ):
                    found = _examine(connection)
                    self._require_adoptable(found)
                    self._run(connection, before, adopting=True)
        if found is None:
            if before.state in {"missing", "empty", "incomplete"}:
                message = f"The database {self._database.name} has no tables to adopt."
                raise SchemaError(message, hint="Run: lback db init")
            self.require()
        return found

    def _require_adoptable(self, found: "AdoptionReport") -> None:
        if not found.adoptable:
            raise SchemaError(
                f"The database {self._database.name} cannot be adopted: {'; '.join(found.obstacles)}.",
                hint="Nothing was changed; see docs/adoption.md.",
            )

    def ensure(self) -> None:
        """Like `require`, but the embedded database, and one in memory, is made and migrated on the spot."""
        if self._database.embedded or self._database.in_memory:
            self._migrate_from("missing", "empty", "incomplete", "older")
        else:
            self.require()

    def initialize(self) -> SchemaStatus:
        """Make the tables where there are none, or not all, and return the status from before.

        Raises `SchemaError` when there are tables that do not fit.
        """
        return self._migrate_from("missing", "empty", "incomplete")

    def upgrade(self) -> SchemaStatus:
        """Migrate older tables, and return the status from before. Raises `SchemaError` where there are none."""
        return self._migrate_from("older")

    def _migrate_from(self, *states: State) -> SchemaStatus:
        before = self.status()
        if before.state in states:
            if before.state in {"missing", "empty"}:
                self._make_file()
            found = self._migrate(states)
            before = before if (before.state, found.state) == ("missing", "empty") else found
        if before.state not in states:
            self.require()
        return before

    def _make_file(self) -> None:
        """Make the SQLite file that is to be lback's own; how an application keeps its file is left to it."""
        if self._database.path is not None:
            with translate_errors(self._database.url):
                self._database.create_file()
                _use_wal(self._database)

    def _migrate(self, states: Sequence[State]) -> SchemaStatus:
        """Bring the tables to this version if they are in one of those *states*, and return the status from before.

        Several processes may do this at once: the first one works, the others wait and find nothing left to do. It is
        one transaction, but on MariaDB, where what was cut off is continued the next time.
        """
        with self._migration() as connection:
            before = _status(connection)
            if before.state in states:
                made = before.state == "incomplete" and partial_setup.is_framework_database(connection)
                if made and partial_setup.has_user_data(connection):
                    # An application works here, and whether lback can, only its adoption looks at.
                    self.require()
                self._run(connection, before, adopting=made)
        return before

    @contextlib.contextmanager
    def _migration(self) -> Iterator[Connection]:
        """A connection in one transaction, which nobody else has at the same time.

        Raises `DatabaseError` where somebody else has it for too long.
        """
        with translate_errors(self._database.url), self._database.engine.begin() as connection:
            match connection.dialect.name:
                case "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
                case "mysql" | "mariadb":
                    # The lock lasts as long as the connection, so that this one is not used again.
                    connection.detach()
                    lock = text("SELECT GET_LOCK(CONCAT('lback ', SHA1(DATABASE())), :seconds)")
                    if connection.execute(lock, {"seconds": LONGEST_WAIT}).scalar() != 1:
                        raise DatabaseError(f"The database {self._database.name} is being migrated by somebody else.")
            yield connection

    def _require_any_text(self, connection: Connection) -> None:
        """Raise `SchemaError` where PostgreSQL keeps text in an encoding that lacks most letters, or checks none."""
        from lback_cli.database.introspection.encoding import MAKE_ANOTHER, UTF8, narrow_encoding

        if encoding := narrow_encoding(connection):
            raise SchemaError(
                f"The database {self._database.name} has the encoding {encoding}; lback needs {UTF8}.",
                hint=f"Make another with: {MAKE_ANOTHER}",
            )

    def _run(self, connection: Connection, found: SchemaStatus, *, adopting: bool) -> None:
        """Migrate. Raises `SchemaError` for tables that the migrations do not know, and like `_require_any_text`."""
        from alembic.util import CommandError

        from lback_cli.database.migrations import make, migrate

        try:
            if found.state == "older":
                migrate(connection)
            else:
                self._require_any_text(connection)
                make(connection, adopting=adopting, continuing=found.state == "incomplete")
        except CommandError as error:
            raise SchemaError(f"The database {self._database.name} cannot be migrated: {error}.") from error


def _status(connection: Connection) -> SchemaStatus:
    tables = inspect(connection)
    if tables.has_table(VERSION_TABLE):
        revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - constant
        if revision is not None:
            return SchemaStatus(_state(revision), revision)
        return SchemaStatus("incomplete" if partial_setup.is_own_partial_setup(connection) else "foreign", None)
    if not any(map(tables.has_table, FRAMEWORK)):
        return SchemaStatus("empty", None)
    # It is made before the others, so somebody may have made all of them meanwhile.
    made = inspect(connection).has_table(VERSION_TABLE)
    return _status(connection) if made else SchemaStatus("foreign", None)


def _examine(connection: Connection) -> "AdoptionReport":
    """What keeps lback from an application's tables; its own are no obstacle where it left them half made."""
    from lback_cli.database.introspection.adoption import check_adoptable

    found = check_adoptable(connection)
    if _status(connection).state != "incomplete":
        return found
    return replace(found, obstacles=tuple(one for one in found.obstacles if not one.startswith("lback_")))


def _state(revision: str) -> State:
    if revision.startswith(COPYING):
        return "copying"
    if revision == REVISION:
        return "current"
    return "older" if revision < REVISION else "newer"


def _advise(found: "AdoptionReport") -> str:
    if found.adoptable:
        return "If it is an application's that lback is to work with, run: lback db adopt"
    return "Name another in database.url; 'lback db status' tells why lback cannot adopt this one."


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
