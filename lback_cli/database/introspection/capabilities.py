"""What lback needs of a server, tried before the first table is created."""

from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from lback_cli.database.retry import driver_errors, is_conflict, is_lost

OLDEST = {"PostgreSQL": (12, 0), "MariaDB": (10, 5), "MySQL": (8, 0)}
"""The oldest versions of servers on which lback creates tables."""

_PROBE = "lback_probe"
"""The name of a table that is created and rolled back at once."""


def missing_capabilities(connection: Connection) -> list[str]:
    """Return what the server lacks, in words; nothing of the attempt stays in the database."""
    if connection.dialect.name == "sqlite":
        return []
    return [*_old_version(connection), *_savepoints(connection), *_transactional_ddl(connection)]


def _old_version(connection: Connection) -> list[str]:
    dialect = connection.dialect
    name = "PostgreSQL"
    if dialect.name != "postgresql":
        name = "MariaDB" if getattr(dialect, "is_mariadb", False) else "MySQL"
    version, oldest = tuple(dialect.server_version_info or ())[:2], OLDEST[name]
    if version >= oldest:
        return []
    return [f"{name} {_dotted(oldest)} or newer (it is {_dotted(version)})"]


def _dotted(version: tuple[int | str, ...]) -> str:
    return ".".join(map(str, version))


def _savepoints(connection: Connection) -> list[str]:
    try:
        with connection.begin_nested():
            connection.execute(text("SELECT 1"))
    except DBAPIError as error:
        # In a Galera cluster, another node's CREATE TABLE may end this transaction, and its savepoint.
        if any(is_lost(cause) or is_conflict(cause) for cause in driver_errors(error)):
            raise
        return ["savepoints"]
    return []


def _transactional_ddl(connection: Connection) -> list[str]:
    if connection.dialect.name != "postgresql":
        return []  # MariaDB's CREATE TABLE cannot be rolled back, and a migration continues an interrupted one.
    try:
        with connection.begin_nested() as attempt:
            connection.execute(text(f"CREATE TABLE {_PROBE} (id INTEGER)"))
            attempt.rollback()
    except DBAPIError as error:
        if error.connection_invalidated:
            raise
        # The migrations report why a table cannot be created, such as a missing privilege.
        return []
    if not inspect(connection).has_table(_PROBE):
        return []
    connection.execute(text(f"DROP TABLE {_PROBE}"))
    return ["CREATE TABLE that a transaction can roll back"]
