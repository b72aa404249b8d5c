"""The database: one engine, made on first use, and sessions on it."""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import sqlalchemy.exc
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, Connection, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import StaticPool

from lback_cli.database.error_messages import redact_values, server_name, translate_errors
from lback_cli.database.url import missing_driver, read_url, require_driver
from lback_cli.errors import ConfigurationError, DatabaseError
from lback_cli.settings import DatabaseSettings
from lback_cli.settings.secret_file import read_secret

EMBEDDED_FILE = "lback.db"
_SNAPSHOT = {"isolation_level": "REPEATABLE READ"}
"""Several queries of one reader see one state, as they do in SQLite."""

_WRITING = {"isolation_level": "READ COMMITTED"}
"""What a writer reads once it has waited for a lock is what the one before it committed: MariaDB's default, a snapshot
from the start of the transaction, would hide that."""

_OPTIONS_HINT = "Check the part after the question mark; see docs/databases.md."


class Database:
    """The configured database.

    *embedded* says that no URL was configured, so the SQLite file in the user's data directory is used and lback may
    make and migrate it unasked; so it may for a database in memory.
    """

    def __init__(self, settings: DatabaseSettings, *, durable: bool = True) -> None:
        """Raises `ConfigurationError` for a URL that cannot be read.

        What is committed to a SQLite file without *durable* survives a crash of the process, but not of the machine;
        that holds the file's one write lock for a fraction of the time.
        """
        self._settings = settings
        self._durable = durable
        self.embedded = not settings.url
        self.url = self._resolve_url()

    @property
    def busy_timeout(self) -> float:
        """Seconds to wait for another writer."""
        return self._settings.busy_timeout

    @property
    def name(self) -> str:
        """What to call it in a message: the file, or the URL without its password."""
        return str(self.path or server_name(self.url))

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for a server or a database in memory."""
        name = self.url.database
        if self.url.get_backend_name() != "sqlite" or not name or name == ":memory:":
            return None
        # A SQLite URI, which takes options such as ?mode=ro&uri=true.
        return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name)

    @property
    def in_memory(self) -> bool:
        """Whether the database ends with the process."""
        return self.url.get_backend_name() == "sqlite" and self.path is None

    @property
    def isolation(self) -> str:
        """The level at which transactions that write are meant to run."""
        return "SERIALIZABLE" if self.url.get_backend_name() == "sqlite" else _WRITING["isolation_level"]

    @property
    def directory(self) -> Path:
        """Where lback keeps files of its own: beside the SQLite file, else in the user's data directory."""
        return self.path.resolve().parent if self.path else user_data_directory()

    @cached_property
    def engine(self) -> Engine:
        """The engine. Raises `ConfigurationError` when its driver is not installed or cannot use the URL."""
        options: dict[str, Any] = {"hide_parameters": True}
        if self.url.get_backend_name() != "sqlite":
            options |= _WRITING
        if self.in_memory:
            # One connection, or each session would see an empty database of its own.
            options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
        require_driver(self.url)
        try:
            engine = create_engine(self.url, **options)
        except ModuleNotFoundError as error:
            raise missing_driver(self.url) from error
        except (sqlalchemy.exc.ArgumentError, ValueError) as error:
            raise ConfigurationError(
                f"database.url has a part that {self.url.drivername} does not take.",
                hint="A SQLite URL has no user and no host: sqlite:////path/to/users.db"
                if self.url.get_backend_name() == "sqlite"
                else _OPTIONS_HINT,
            ) from error
        if self.url.get_backend_name() == "sqlite":
            _configure_sqlite(engine, self.busy_timeout, durable=self._durable)
        else:
            _configure_server(engine)
        return engine

    @contextlib.contextmanager
    def session(self, *, tries: int = 1, patience: float | None = None) -> Iterator[Session]:
        """A session in a transaction of its own, begun by its first statement; commits at the end, or rolls back.

        A caller that would begin *tries* times waits for another writer of a SQLite file for its share of the busy
        timeout each time. On a server one waits *patience* seconds for a lock; None leaves that to the server.
        Raises `DatabaseError` for whatever the database refuses, the commit included.
        """
        engine = self.engine
        if tries != 1 and engine.name == "sqlite":
            engine = engine.execution_options(sqlite_tries=tries)
        with translate_errors(self.url), Session(engine, expire_on_commit=False) as session, session.begin():
            if patience is not None:
                _limit_waits(session.connection(), patience)
            yield session

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: it takes no write lock, and what it loads stays usable afterwards."""
        options = {"sqlite_begin": "BEGIN"} if self.url.get_backend_name() == "sqlite" else _SNAPSHOT
        engine = self.engine.execution_options(**options)
        with translate_errors(self.url), Session(engine, expire_on_commit=False) as session:
            yield session

    def create_file(self) -> None:
        """Make the SQLite file and its directory, readable by their owner alone, if they are missing.

        SQLite gives its journal files the mode of the database file.
        """
        if self.path is None:
            return
        if self.path.exists():
            # To open and close it would take away the locks that a connection of this process holds on it, and with
            # them its journal: https://sqlite.org/howtocorrupt.html, section 2.2.
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as error:
            raise DatabaseError(f"Cannot make {self.path}: {error.strerror or error}.") from error

    def vacuum(self) -> bool:
        """Rewrite a SQLite file without the remains of what was deleted; false if others keep it busy.

        ``secure_delete`` would only help where everybody who ever wrote to the file had set it, and not in the journal.
        A server's space is its administrator's.
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
            return URL.create("sqlite", database=str(user_data_directory() / EMBEDDED_FILE))
        url = read_url(self._settings.url)
        # Whoever tries a SQLite file with --database-url may have a server, and its password, in the configuration.
        if self._settings.password_file is not None and url.get_backend_name() != "sqlite":
            url = url.set(password=read_secret(self._settings.password_file, "database.password_file"))
        return url


def user_data_directory() -> Path:
    """The user's data directory for lback."""
    from platformdirs import user_data_path

    return user_data_path("lback")


def _configure_server(engine: Engine) -> None:
    """Keep values out of errors, and tell of an option in the URL that the driver fails on in Python's own ways."""
    if engine.name == "postgresql":
        _read_any_version(engine.dialect)

    @event.listens_for(engine, "handle_error")
    def hide(context: ExceptionContext) -> None:
        # What is said of a connection that did not come about has none.
        if context.connection is not None and isinstance(context.sqlalchemy_exception, DBAPIError):
            redact_values(context.sqlalchemy_exception)

    @event.listens_for(engine, "do_connect")
    def connect(dialect: Any, _record: Any, arguments: Any, options: Any) -> Any:
        try:
            if engine.driver == "pymysql":
                from lback_cli.database.drivers import mariadb

                return mariadb.connect(dialect, options)
            if engine.driver == "psycopg":
                # A server, or a database, may have another default, in which a name cannot be sent.
                options = {**options, "client_encoding": "UTF8"}
            return dialect.connect(*arguments, **options)
        except dialect.loaded_dbapi.Error:
            raise
        except (TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(
                f"database.url has an option that {engine.url.drivername} does not take.",
                hint=_OPTIONS_HINT,
            ) from error


def _read_any_version(dialect: Any) -> None:
    """Take for PostgreSQL 13 what speaks its protocol and calls itself something else, as CockroachDB does."""
    read = dialect._get_server_version_info  # noqa: SLF001 - SQLAlchemy has no public way to say a version

    def version(connection: Connection) -> tuple[int, ...]:
        try:
            found: tuple[int, ...] = read(connection)
        except AssertionError:
            return (13,)
        return found

    dialect._get_server_version_info = version  # noqa: SLF001 - as above


def _limit_waits(connection: Connection, seconds: float) -> None:
    """Wait for a lock of somebody else's for that long at most, for the rest of the transaction."""
    match connection.dialect.name:
        case "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(seconds * 1000)}")
        case "mysql" | "mariadb":
            # It lasts as long as the connection, so that this one is not used again.
            connection.exec_driver_sql(f"SET SESSION innodb_lock_wait_timeout = {int(seconds)}")
            connection.detach()


def _configure_sqlite(engine: Engine, busy_timeout: float, *, durable: bool) -> None:
    """Take the transaction away from the driver, whose own implicit BEGIN breaks savepoints.

    A writer begins IMMEDIATE: one that reads first and writes later could not wait for another writer.
    """

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        # FULL, as WAL with NORMAL may lose commits that were already reported when the power goes.
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    @event.listens_for(engine, "invalidate")
    def roll_back(connection: Any, _record: Any, _error: Any) -> None:
        # The traceback of who was interrupted in a statement holds its cursor, and so the connection with its lock.
        connection.rollback()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        tries = options.get("sqlite_tries", 1)
        if tries != 1:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(busy_timeout * 1000 / tries)}")
        try:
            connection.exec_driver_sql(options.get("sqlite_begin", "BEGIN IMMEDIATE"))
        finally:
            if tries != 1:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
