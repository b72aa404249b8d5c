"""What a set-up that was cut off has left: on MariaDB each table stays once it is made."""

from sqlalchemy import inspect, literal, select, table
from sqlalchemy.engine import Connection

from lback_cli.database.introspection.framework_tables import FRAMEWORK


def is_own_partial_setup(connection: Connection) -> bool:
    """Whether a version table without a version is of a set-up that can be continued.

    So it is where all of the framework's tables are there, made by lback or found by it when it adopted them, and where
    those that are there have lback's columns and no row: then lback was about to make the others.
    """
    there = _framework_tables(connection)
    return len(there) == len(FRAMEWORK) or all(_is_new(connection, name) for name in there)


def is_framework_database(connection: Connection) -> bool:
    """Whether all of the framework's tables are there, which then are not to be touched."""
    return len(_framework_tables(connection)) == len(FRAMEWORK)


def has_user_data(connection: Connection) -> bool:
    """Whether an application works with the framework's tables."""
    return not all(_is_empty(connection, name) for name in _framework_tables(connection))


def _framework_tables(connection: Connection) -> list[str]:
    tables = inspect(connection)
    return [name for name in FRAMEWORK if tables.has_table(name)]


def _is_new(connection: Connection, name: str) -> bool:
    found = {entry["name"] for entry in inspect(connection).get_columns(name)}
    return found == FRAMEWORK[name].keys() and _is_empty(connection, name)


def _is_empty(connection: Connection, name: str) -> bool:
    return connection.execute(select(literal(1)).select_from(table(name)).limit(1)).first() is None
