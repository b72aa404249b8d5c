"""The version of the tables, and how to create, adopt and migrate them."""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection

from lback_cli.database.engine import Database
from lback_cli.database.error_messages import translate_errors
from lback_cli.database.introspection.framework_tables import (
    FRAMEWORK_TABLES,
    has_user_data,
    is_framework_database,
    is_own_partial_setup,
)
from lback_cli.database.retry import MigratedMeanwhile, is_migrated_meanwhile, retried
from lback_cli.errors import DatabaseError, SchemaError

if TYPE_CHECKING:
    from lback_cli.database.introspection.adoption import AdoptionReport

REVISION = "0010"
"""The newest migration. It is repeated here so that commands can compare versions without loading Alembic."""

VERSION_TABLE = "lback_alembic_version"

COPYING_PREFIX = "copying-"
"""Starts the revision of an unfinished copy, so that no other command accepts it."""

_ADVISORY_LOCK = 0x6C6261636B
"""The number of the lock that migrations hold on PostgreSQL. Each database has locks of its own."""

MIGRATION_LOCK_TIMEOUT = 3600
"""Seconds to wait on MariaDB for another process that migrates."""

_CREATION_DELAY = 0.2
"""Maximum seconds before the second look at tables that another process is creating."""

R = TypeVar("R")

State = Literal["missing", "empty", "incomplete", "foreign", "copying", "older", "current", "newer"]


@dataclass(frozen=True, slots=True)
class SchemaStatus:
    """The state of a database's tables.

    *revision* is the version of the tables, None if lback never created them; *needed* is the version of this lback.
    The states are:

    - ``missing``: the SQLite file does not exist.
    - ``empty``: there are no tables.
    - ``incomplete``: there are some of lback's tables; MariaDB keeps them if their creation is interrupted.
    - ``foreign``: there are an application's tables, but none of lback's.
    - ``copying``: the database is the target of an unfinished copy.
    - ``older``, ``current``, ``newer``: the tables are of an earlier, this or a later version of lback.
    """

    state: State
    revision: str | None
    needed: str = REVISION


class SchemaRecorder(NamedTuple):
    """What records in the event log that the tables changed, in the transaction of the change.

    Attributes:
        adoption: Records that lback's tables of a version were added to an application's database.
        upgrade: Records that older tables were upgraded from one version to another.
    """

    adoption: Callable[[Connection, str], None]
    upgrade: Callable[[Connection, str, str], None]


class Schema:
    """The tables of one database.

    Args:
        database: The database.
        recorder: Records adoptions and upgrades; None for a database whose tables are not adopted or upgraded.
    """

    def __init__(self, database: Database, recorder: SchemaRecorder | None = None) -> None:
        self._database = database
        self._recorder = recorder

    def status(self) -> SchemaStatus:
        """Return the state of the tables, without changing them. Raises `DatabaseError`."""
        if self._database.path is not None and not self._database.path.exists():
            return SchemaStatus("missing", None)
        return self._read(_status)

    def require(self) -> None:
        """Raise `SchemaError`, with the command that fixes it, unless the tables fit this lback."""
        found = self.status()
        message, hint = {
            "missing": ("does not exist.", "Run: lback db init"),
            "empty": ("has no tables yet.", "Run: lback db init"),
            "incomplete": ("was set up only in part.", None),
            "foreign": ("has an application's tables but none of lback's.", None),
            "copying": ("is the target of an unfinished copy.", "Run 'lback db copy' again."),
            "older": (
                f"has older tables than this lback needs ({found.revision} < {REVISION}).",
                "Run: lback db upgrade",
            ),
            "newer": (f"was set up by a newer lback ({found.revision} > {REVISION}).", "Upgrade lback-cli."),
        }.get(found.state, (None, None))
        if message is not None:
            raise SchemaError(f"The database {self._database.name} {message}", hint=hint or self._hint(found.state))

    def ensure(self) -> None:
        """Like `require`, but create and migrate lback's own SQLite file, and a database in memory."""
        if self._database.embedded or self._database.in_memory:
            self.upgrade()
        else:
            self.require()

    def initialize(self) -> SchemaStatus:
        """Create missing tables and return the status from before.

        Raises `SchemaError` if the existing tables do not fit.
        """
        return self._migrate_from("missing", "empty", "incomplete")

    def upgrade(self) -> SchemaStatus:
        """Migrate older tables, create missing ones, and return the status from before.

        Raises `SchemaError` if the existing tables do not fit.
        """
        return self._migrate_from("missing", "empty", "incomplete", "older")

    def check_adoptable(self) -> "AdoptionReport":
        """Compare an application's tables with those that lback can adopt, without changing them."""
        return self._read(_check_adoptable)

    def adopt(self) -> "AdoptionReport | None":
        """Add lback's tables to a database of the lback framework, without changing the application's tables.

        The journal mode of the application's SQLite file stays too.

        Returns:
            What was found in the application's tables; None if lback's tables were added before.

        Raises:
            SchemaError: A table differs from the framework's, or there is none. Nothing was changed.
        """
        before = self.status()
        report: AdoptionReport | None = None
        if before.state in {"foreign", "incomplete"}:
            with self._migration() as connection:
                before = _status(connection)
                if before.state == "foreign" or (before.state == "incomplete" and is_framework_database(connection)):
                    report = _check_adoptable(connection)
                    self._require_adoptable(report)
                    self._run_migrations(connection, before, adopting=True)
                    if self._recorder is not None:
                        self._recorder.adoption(connection, REVISION)
        if report is None:
            if before.state in {"missing", "empty", "incomplete"}:
                message = f"The database {self._database.name} has no tables to adopt."
                raise SchemaError(message, hint="Run: lback db init")
            self.require()
        return report

    def _read(self, look: Callable[[Connection], R]) -> R:
        """Return the result of *look*, which is retried on a server, as another process may be creating the tables.

        A SQLite file never shows half of a migration, and the connection has already waited for the busy timeout.
        """

        def read_once() -> R:
            with self._database.read_connection() as connection:
                return look(connection)

        return read_once() if self._database.path is not None else retried(read_once)

    def _hint(self, state: State) -> str:
        """Return what to do about a state in which the application's tables decide."""
        if state == "incomplete":
            return f"Run: lback db {'adopt' if self._read(has_user_data) else 'init'}"
        if self.check_adoptable().adoptable:
            return "If these are the users that lback shall administer, run: lback db adopt"
        return "Choose another database.url; 'lback db status' shows why lback cannot adopt this one."

    def _require_adoptable(self, report: "AdoptionReport") -> None:
        if not report.adoptable:
            raise SchemaError(
                f"The database {self._database.name} cannot be adopted: {'; '.join(report.errors)}.",
                hint="Nothing was changed; see docs/adoption.md.",
            )

    def _migrate_from(self, *states: State) -> SchemaStatus:
        before = self.status()
        if before.state in states:
            if before.state in {"missing", "empty"}:
                self._create_file()
            found = self._migrate(states)
            before = before if (before.state, found.state) == ("missing", "empty") else found
        if before.state not in states:
            self.require()
        return before

    def _create_file(self) -> None:
        """Create lback's own SQLite file, in WAL mode. An application's file keeps its mode."""
        if self._database.path is not None:
            with translate_errors(self._database.url):
                self._database.create_file()
                _use_wal(self._database)

    def _migrate(self, states: Sequence[State]) -> SchemaStatus:
        """Bring the tables to this version if they are in one of *states*, and return the status from before.

        Several processes may do this at once: the first one migrates, and the others wait and find nothing to do. In a
        cluster they may have no lock in common, so that one finds what another has just created; then it looks again.
        All is one transaction, except on MariaDB, where the next call continues an interrupted migration.
        """
        seen: list[str] = []
        if self._database.path is not None:
            return self._migrate_once(states, seen)
        return retried(
            lambda: self._migrate_once(states, seen), is_retryable=is_migrated_meanwhile, initial_delay=_CREATION_DELAY
        )

    def _migrate_once(self, states: Sequence[State], seen: list[str]) -> SchemaStatus:
        """Do `_migrate` in one attempt; *seen* are the versions that the attempts have found."""
        with self._migration() as connection:
            before = _status(connection)
            if before.revision is not None:
                seen.append(before.revision)
            if before.state in states:
                has_framework_tables = before.state == "incomplete" and is_framework_database(connection)
                if has_framework_tables and has_user_data(connection):
                    # These tables belong to an application. Only an adoption checks that lback can share them.
                    self.require()
                self._run_migrations(connection, before, adopting=has_framework_tables, first=seen[:1])
        return before

    @contextlib.contextmanager
    def _migration(self) -> Iterator[Connection]:
        """Open a transaction under the lock that only one migration can hold.

        Raises `DatabaseError` if another process holds it for too long.
        """
        with self._database.translate_errors(), self._database.engine.begin() as connection:
            match connection.dialect.name:
                case "postgresql":
                    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
                case "mysql" | "mariadb":
                    # The lock and the setting last as long as the connection, so it must not go back to the pool.
                    connection.detach()
                    # Tables of another storage engine may have no transactions.
                    connection.execute(text("SET SESSION default_storage_engine = InnoDB"))
                    lock = text("SELECT GET_LOCK(CONCAT('lback ', SHA1(DATABASE())), :seconds)")
                    if connection.execute(lock, {"seconds": MIGRATION_LOCK_TIMEOUT}).scalar() != 1:
                        raise DatabaseError(
                            f"Another process is still migrating the database {self._database.name}.",
                            hint="Wait until it has finished, then try again.",
                        )
            yield connection

    def _require_capable(self, connection: Connection) -> None:
        """Raise `SchemaError` if the server lacks something without which lback's guarantees do not hold."""
        from lback_cli.database.introspection.capabilities import missing_capabilities

        if missing := missing_capabilities(connection):
            raise SchemaError(
                f"lback cannot use the database {self._database.name}: the server lacks {', '.join(missing)}.",
                hint="Nothing was created. docs/databases.md lists the databases on which lback works.",
            )

    def _require_utf8(self, connection: Connection) -> None:
        """Raise `SchemaError` if a PostgreSQL database cannot store every character."""
        from lback_cli.database.introspection.text_columns import CREATE_UTF8_DATABASE, UTF8, non_utf8_encoding

        if encoding := non_utf8_encoding(connection):
            raise SchemaError(
                f"The database {self._database.name} has the encoding {encoding}; lback needs {UTF8}.",
                hint=f"Create another database: {CREATE_UTF8_DATABASE}",
            )

    def _run_migrations(
        self, connection: Connection, found: SchemaStatus, *, adopting: bool, first: Sequence[str] = ()
    ) -> None:
        """Create or upgrade the tables. *first* is the version that the first attempt found.

        Raises:
            SchemaError: A migration cannot run on the tables.
            MigratedMeanwhile: Another process upgraded them at the same time.
        """
        from alembic.util import CommandError

        from lback_cli.database.migrations import create, migrate

        try:
            if found.state == "older":
                if migrate(connection) and self._recorder is not None:
                    self._recorder.upgrade(connection, first[0], REVISION)
            else:
                self._require_capable(connection)
                self._require_utf8(connection)
                create(connection, adopting=adopting, continuing=found.state == "incomplete")
        except CommandError as error:
            if found.state == "older" and _status(connection).revision != found.revision:
                message = f"Another process has migrated the database {self._database.name}."
                raise MigratedMeanwhile(message, hint="Try again.") from error
            raise SchemaError(f"The database {self._database.name} cannot be migrated: {error}.") from error


def _status(connection: Connection) -> SchemaStatus:
    tables = inspect(connection)
    if tables.has_table(VERSION_TABLE):
        revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - constant
        if revision is not None:
            return SchemaStatus(_state_of(revision), revision)
        return SchemaStatus("incomplete" if is_own_partial_setup(connection) else "foreign", None)
    if not any(map(tables.has_table, FRAMEWORK_TABLES)):
        return SchemaStatus("empty", None)
    # The version table is created first. If it exists now, another process has created the tables since we looked.
    created_meanwhile = inspect(connection).has_table(VERSION_TABLE)
    return _status(connection) if created_meanwhile else SchemaStatus("foreign", None)


def _state_of(revision: str) -> State:
    if revision.startswith(COPYING_PREFIX):
        return "copying"
    if revision == REVISION:
        return "current"
    return "older" if revision < REVISION else "newer"


def _check_adoptable(connection: Connection) -> "AdoptionReport":
    """Check the application's tables. Tables of lback that an interrupted setup has left are not an error."""
    from lback_cli.database.introspection.adoption import check_adoptable

    report = check_adoptable(connection)
    if _status(connection).state != "incomplete":
        return report
    return replace(report, errors=tuple(error for error in report.errors if not error.startswith("lback_")))


def _use_wal(database: Database) -> None:
    """Switch the SQLite file to WAL for good.

    The switch ignores the busy timeout, so this function waits itself while SQLite reports that the file is busy.
    """
    deadline = time.monotonic() + database.busy_timeout
    while True:
        connection = database.engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA journal_mode = WAL")
        except sqlite3.DatabaseError as error:
            # The low byte is the primary code.
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise DatabaseError(f"Cannot prepare {database.path}: {error}.") from error
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
