"""The database: one engine, created on first use, and its sessions."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy.exc
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from lback_cli.database.drivers.own_execution import enable_own_execution
from lback_cli.database.error_codes import FAILOVER, error_code
from lback_cli.database.error_messages import redact_values, server_name, translate_errors
from lback_cli.database.file_obstacles import file_of
from lback_cli.database.planted_files import require_own_files
from lback_cli.database.retry import is_unavailable
from lback_cli.database.url import missing_driver, read_url, require_driver, require_safe_options
from lback_cli.errors import ConfigurationError, DatabaseError
from lback_cli.interruption import raise_lost_interruption
from lback_cli.own_file import make_own_directory, own_directory
from lback_cli.settings import DatabaseSettings
from lback_cli.settings.secret_file import read_secret
from lback_cli.user_directories import user_directory

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

EMBEDDED_FILE = "lback.db"
_SNAPSHOT = {
    "sqlite": {"first_statement": "BEGIN"},
    "postgresql": {"isolation_level": "REPEATABLE READ"},
    # SQLAlchemy would change the level of the session, in four statements, and not handle their errors.
    "mysql": {"first_statement": "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"},
}
"""All queries of one reader see the same state."""

_WRITING = {"isolation_level": "READ COMMITTED"}
"""A writer that waited for a lock sees what the previous writer committed. MariaDB's default, a snapshot from the start
of the transaction, would hide it."""

_OPTIONS_HINT = "Check the options after the question mark; see docs/databases.md."


class Database:
    """The configured database.

    *embedded* is true if no URL is configured. lback then uses a SQLite file in the user's data directory, which it
    creates and migrates unasked, as it does a database in memory.
    """

    def __init__(self, settings: DatabaseSettings, *, durable: bool = True) -> None:
        """Parse the URL and read the password file.

        Args:
            settings: The section ``[database]``.
            durable: If false, a commit to a SQLite file survives a crash of the process but not of the machine, and
                holds the file's write lock for a fraction of the time.

        Raises:
            ConfigurationError: The URL or the password file cannot be read.
        """
        self._settings = settings
        self._durable = durable
        self.embedded = not settings.url
        self.url = self._resolve_url()

    @property
    def busy_timeout(self) -> float:
        """The seconds to wait for another writer of a SQLite file."""
        return self._settings.busy_timeout

    @property
    def name(self) -> str:
        """The name for messages: the path of the file, or the URL without its password."""
        return str(self.path or server_name(self.url))

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for a server or a database in memory."""
        return file_of(self.url)

    @property
    def in_memory(self) -> bool:
        """Whether the database ends with the process."""
        return self.url.get_backend_name() == "sqlite" and self.path is None

    @property
    def isolation(self) -> str:
        """The isolation level at which transactions that write must run."""
        return "SERIALIZABLE" if self.url.get_backend_name() == "sqlite" else _WRITING["isolation_level"]

    @property
    def directory(self) -> Path | None:
        """The directory for lback's other files: that of the SQLite file, else the user's data directory.

        It is None for a user without a home directory.
        """
        return self.path.resolve().parent if self.path else user_directory("data")

    @cached_property
    def engine(self) -> Engine:
        """The engine. Raises `ConfigurationError` if its driver is not installed or cannot use the URL."""
        options: dict[str, Any] = {"hide_parameters": True}
        if self.url.get_backend_name() != "sqlite":
            # A connection that died in the pool is replaced before it is used.
            options |= _WRITING | {"pool_pre_ping": True}
        if self.in_memory:
            # One connection, or each session would see its own empty database.
            options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        require_driver(self.url)
        require_safe_options(self.url)
        try:
            engine = create_engine(self.url, **options)
        except ModuleNotFoundError as error:
            raise missing_driver(self.url) from error
        except (sqlalchemy.exc.ArgumentError, ValueError) as error:
            raise ConfigurationError(
                f"database.url has a part that {self.url.drivername} does not support.",
                hint="A SQLite URL has no user and no host: sqlite:////path/to/users.db"
                if self.url.get_backend_name() == "sqlite"
                else _OPTIONS_HINT,
            ) from error
        if self.url.get_backend_name() == "sqlite":
            _configure_sqlite(engine, self.busy_timeout, durable=self._durable)
            if self.path is not None:
                _watch_file(engine, self.path)
        else:
            _configure_server(engine, self._settings.retry_timeout)
        return engine

    @contextlib.contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Raise a `DatabaseError` for each error of the database in the block, for `retried`.

        If the server is not available, the connections in the pool are closed, as another server may take its place.
        """
        try:
            with translate_errors(self.url):
                yield
        except DatabaseError as error:
            error.retry_timeout = self._settings.retry_timeout
            if is_unavailable(error):
                self.dispose()
            raise

    @contextlib.contextmanager
    def session(self, *, tries: int = 1, lock_timeout: float | None = None) -> Iterator["Session"]:
        """Open a session whose transaction begins with its first statement, and commit at the end or roll back.

        Args:
            tries: How often the caller will try the transaction. Each attempt gets its share of a SQLite file's busy
                timeout.
            lock_timeout: Maximum seconds to wait for a lock on a server. None leaves it to the server.

        Raises:
            DatabaseError: A statement or the commit failed.
        """
        from sqlalchemy.orm import Session

        raise_lost_interruption()
        engine = self.engine
        if tries != 1 and engine.name == "sqlite":
            engine = engine.execution_options(sqlite_tries=tries)
        with self.translate_errors(), Session(engine, expire_on_commit=False) as session, session.begin():
            if lock_timeout is not None:
                _set_lock_timeout(session.connection(), lock_timeout)
            yield session

    @contextlib.contextmanager
    def reading(self) -> Iterator["Session"]:
        """Open a read-only session. It takes no write lock, and the objects it loads stay usable after its end."""
        from sqlalchemy.orm import Session

        with self.translate_errors(), Session(self._read_engine, expire_on_commit=False) as session:
            yield session

    @contextlib.contextmanager
    def read_connection(self) -> Iterator[Connection]:
        """A connection that only reads one state of the database: it takes no write lock and loads no ORM."""
        with self.translate_errors(), self._read_engine.connect() as connection:
            yield connection

    @property
    def _read_engine(self) -> Engine:
        backend = "mysql" if self.url.get_backend_name() == "mariadb" else self.url.get_backend_name()
        return self.engine.execution_options(**_SNAPSHOT[backend])

    def create_file(self) -> None:
        """Create the SQLite file and its directory, for their owner alone, if they are missing.

        SQLite gives its journal files the mode of the database file.
        """
        if self.path is None:
            return
        if self.path.exists():
            # Opening and closing the file would release the locks of other connections in this process, and another
            # process could then delete their journal: https://sqlite.org/howtocorrupt.html, section 2.2.
            return
        require_own_files(self.path)
        # An own link may lead to where the file is to be created.
        flags = os.O_CREAT | os.O_RDWR | (0 if self.path.is_symlink() else getattr(os, "O_NOFOLLOW", 0))
        try:
            make_own_directory(self.path.parent)
            with own_directory(self.path) as (directory, name):
                os.close(os.open(name, flags, 0o600, dir_fd=directory))
        except OSError as error:
            raise DatabaseError(f"Cannot create {self.path}: {error.strerror or error}.") from error

    def vacuum(self) -> bool:
        """Rewrite a SQLite file without the remains of deleted rows. Return false if other connections prevent it.

        ``secure_delete`` would not be enough: every writer must have set it, and it does not clean the journal. On a
        server, cleaning up is its administrator's task.
        """
        if self.path is None:
            return True
        with self.engine.connect() as connection:
            driver = connection.connection.cursor()
            try:
                driver.execute("VACUUM")
                busy = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.DatabaseError:
                return False
        return not busy

    def dispose(self) -> None:
        """Close all connections."""
        if "engine" in self.__dict__:
            self.engine.dispose()

    def _resolve_url(self) -> URL:
        if self.embedded:
            directory = user_directory("data")
            if directory is None:
                raise ConfigurationError(
                    "There is no directory for the database, because the user who runs lback has no home directory.",
                    hint="Set LBACK_DATABASE_URL, HOME or XDG_DATA_HOME.",
                )
            return URL.create("sqlite", database=str(directory / EMBEDDED_FILE))
        url = read_url(self._settings.url)
        # --database-url may name a SQLite file although the configuration has a server's password file.
        if self._settings.password_file is not None and url.get_backend_name() != "sqlite":
            url = url.set(password=read_secret(self._settings.password_file, "database.password_file"))
        return url


def _configure_server(engine: Engine, retry_timeout: float) -> None:
    """Keep values out of errors, limit waits, and report an option in the URL that the driver does not support."""
    if engine.name == "postgresql":
        from lback_cli.database.drivers import postgresql as driver
        from lback_cli.database.drivers.standby_wait import limit_standby_wait

        driver.read_any_version(engine.dialect)
        limit_standby_wait(engine.dialect, retry_timeout)
    else:
        from lback_cli.database.drivers import mariadb as driver  # type: ignore[no-redef]
    enable_own_execution(engine)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if statement := connection.get_execution_options().get("first_statement"):
            connection.exec_driver_sql(statement)

    @event.listens_for(engine, "handle_error")
    def hide(context: ExceptionContext) -> None:
        _close_lost_cursor(context)
        # Errors of a connection that could not be established contain no values.
        error = context.sqlalchemy_exception
        if context.connection is not None and isinstance(error, DBAPIError):
            redact_values(error)
            if engine.name == "postgresql" and error_code(error) in FAILOVER:
                error.lback_is_setting = driver.is_set_read_only(context.connection)  # type: ignore[attr-defined]

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        try:
            return driver.connect(dialect, arguments, options)
        except dialect.loaded_dbapi.Error:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(
                f"database.url has an option that {engine.url.drivername} does not support.",
                hint=_OPTIONS_HINT,
            ) from error


def _close_lost_cursor(context: ExceptionContext) -> None:
    """Close the cursor if the connection was lost: SQLAlchemy leaves it open, and psycopg warns of that."""
    if context.is_disconnect and context.execution_context is not None:
        with contextlib.suppress(Exception):
            context.execution_context.cursor.close()


def _set_lock_timeout(connection: Connection, seconds: float) -> None:
    """Limit how long the rest of the transaction waits for a lock."""
    match connection.dialect.name:
        case "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(seconds * 1000)}")
        case "mysql" | "mariadb":
            # The setting lasts as long as the connection, so the connection must not go back to the pool.
            connection.exec_driver_sql(f"SET SESSION innodb_lock_wait_timeout = {int(seconds)}")
            connection.detach()


def _watch_file(engine: Engine, path: Path) -> None:
    """Refuse files that other users planted, and replace a connection whose file was replaced.

    That connection would read and write the old file without an error.
    """

    def identity() -> tuple[int, int] | None:
        try:
            found = path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @event.listens_for(engine, "do_connect")
    def verify(_dialect: Any, _record: Any, _arguments: Any, _options: Any) -> None:
        require_own_files(path)

    @event.listens_for(engine, "connect")
    def remember(_connection: Any, record: Any) -> None:
        record.info["file"] = identity()

    @event.listens_for(engine, "checkout")
    def compare(_connection: Any, record: Any, _proxy: Any) -> None:
        found, opened = identity(), record.info["file"]
        if opened is None:  # SQLite creates a new file when it is first used
            record.info["file"] = found
        elif found is None:  # another connection would create an empty file
            raise sqlite3.OperationalError("unable to open database file")
        elif found != opened:
            raise sqlalchemy.exc.DisconnectionError("The database file was replaced.")


def _configure_sqlite(engine: Engine, busy_timeout: float, *, durable: bool) -> None:
    """Begin transactions explicitly, because the driver's implicit BEGIN breaks savepoints.

    Writers use BEGIN IMMEDIATE: a transaction that reads first and writes later cannot wait for another writer.
    """

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        # FULL: in WAL mode with NORMAL, a power failure may lose commits that were already reported.
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    @event.listens_for(engine, "invalidate")
    def roll_back(connection: Any, _record: Any, _error: Any) -> None:
        # After an interrupted statement, the traceback keeps the cursor alive, and so the connection and its lock.
        connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        tries = options.get("sqlite_tries", 1)
        if tries != 1:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(busy_timeout * 1000 / tries)}")
        try:
            connection.exec_driver_sql(options.get("first_statement", "BEGIN IMMEDIATE"))
        finally:
            if tries != 1:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
