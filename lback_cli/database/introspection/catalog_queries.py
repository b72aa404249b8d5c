"""What SQLAlchemy's inspector does not tell of a table."""

from collections.abc import Iterator, Mapping

from sqlalchemy import text
from sqlalchemy.engine import Connection

# The table's name is quoted as "groups" is a word of SQL.
_POSTGRESQL_TRIGGERS = (
    "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(quote_ident(:table)) AND NOT tgisinternal ORDER BY 1"
)
_SQLITE_TRIGGERS = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND lower(tbl_name) = :table ORDER BY 1"
_MARIADB_TRIGGERS = (
    "SELECT trigger_name FROM information_schema.triggers"
    " WHERE event_object_schema = DATABASE() AND event_object_table = :table ORDER BY 1"
)
_ROW_SECURITY = "SELECT relname FROM pg_class WHERE oid = to_regclass(quote_ident(:table)) AND relrowsecurity"
_DEFERRED = (
    "SELECT field.attname FROM pg_constraint AS rule"
    " JOIN pg_attribute AS field ON field.attrelid = rule.conrelid AND field.attnum = rule.conkey[1]"
    " WHERE rule.conrelid = to_regclass(quote_ident(:table)) AND rule.contype = 'u' AND rule.condeferred"
    " AND cardinality(rule.conkey) = 1 AND NOT EXISTS (SELECT 1 FROM pg_index AS own"
    " WHERE own.indrelid = rule.conrelid AND own.indisunique AND own.indimmediate AND own.indnkeyatts = 1"
    " AND own.indkey[0] = rule.conkey[1] AND own.indpred IS NULL)"
)
_FILLED_IN = (
    "SELECT column_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = :table AND column_default IS NOT NULL"
)
_CHARACTER_SETS = (
    "SELECT column_name, character_set_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = :table AND character_set_name IS NOT NULL"
)


def triggers(connection: Connection, table: str) -> Iterator[str]:
    """The names of the triggers on *table*, which do things that lback does not know of."""
    statements = {"sqlite": _SQLITE_TRIGGERS, "postgresql": _POSTGRESQL_TRIGGERS}
    yield from _names(connection, statements.get(connection.dialect.name, _MARIADB_TRIGGERS), table)


def has_row_security(connection: Connection, table: str) -> bool:
    """Whether PostgreSQL may hide rows of *table* from those who ask."""
    return connection.dialect.name == "postgresql" and any(_names(connection, _ROW_SECURITY, table))


def deferred_columns(connection: Connection, table: str) -> set[str]:
    """The columns of *table* of which PostgreSQL tells only at the COMMIT whether they are unique."""
    return set(_names(connection, _DEFERRED, table)) if connection.dialect.name == "postgresql" else set()


def filled_in_columns(connection: Connection, table: str) -> set[str]:
    """The columns of *table* that have a default in MariaDB, the invisible ones included."""
    return set(_names(connection, _FILLED_IN, table)) if _is_mariadb(connection) else set()


def character_sets(connection: Connection, table: str) -> Mapping[str, str]:
    """The character set of each text column of *table* where columns have their own, as in MariaDB."""
    if not _is_mariadb(connection):
        return {}
    return dict(tuple(row) for row in connection.execute(text(_CHARACTER_SETS), {"table": table}))


def _names(connection: Connection, statement: str, table: str) -> list[str]:
    return list(connection.execute(text(statement), {"table": table}).scalars())


def _is_mariadb(connection: Connection) -> bool:
    return connection.dialect.name in {"mysql", "mariadb"}
