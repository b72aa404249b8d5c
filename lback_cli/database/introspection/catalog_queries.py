"""Facts about a table that SQLAlchemy's inspector does not report, or not in the form that lback needs."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.engine.reflection import Inspector

# quote_ident, because "groups" is a reserved word.
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
_WITH_DEFAULT = (
    "SELECT column_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = :table AND column_default IS NOT NULL"
)
_CHARACTER_SETS = (
    "SELECT column_name, character_set_name FROM information_schema.columns"
    " WHERE table_schema = DATABASE() AND table_name = :table AND character_set_name IS NOT NULL"
)


def triggers(connection: Connection, table: str) -> Iterator[str]:
    """Return the names of the triggers on *table*."""
    statements = {"sqlite": _SQLITE_TRIGGERS, "postgresql": _POSTGRESQL_TRIGGERS}
    yield from _names(connection, statements.get(connection.dialect.name, _MARIADB_TRIGGERS), table)


def has_row_security(connection: Connection, table: str) -> bool:
    """Return whether row-level security is enabled on *table* (PostgreSQL)."""
    return connection.dialect.name == "postgresql" and any(_names(connection, _ROW_SECURITY, table))


def deferred_columns(connection: Connection, table: str) -> set[str]:
    """Return the columns of *table* whose uniqueness is checked only at COMMIT (PostgreSQL)."""
    return set(_names(connection, _DEFERRED, table)) if connection.dialect.name == "postgresql" else set()


def columns_with_default(connection: Connection, table: str) -> set[str]:
    """Return the columns of *table* with a default, including invisible columns (MariaDB)."""
    return set(_names(connection, _WITH_DEFAULT, table)) if _is_mariadb(connection) else set()


def character_sets(connection: Connection, table: str) -> Mapping[str, str]:
    """Return the character set of each text column of *table* (MariaDB, where columns have their own)."""
    if not _is_mariadb(connection):
        return {}
    return dict(tuple(row) for row in connection.execute(text(_CHARACTER_SETS), {"table": table}))


def unique_keys(tables: Inspector, table: str) -> set[frozenset[str | None]]:
    """Return the sets of columns that are unique in *table*, including its primary key.

    Partial and prefix indexes do not count: they leave out rows, or the ends of values.
    """
    indexes: list[Any] = [index for index in tables.get_indexes(table) if index["unique"] and not _is_partial(index)]
    constraints: list[Any] = [
        constraint for constraint in tables.get_unique_constraints(table) if not constraint.get("duplicates_index")
    ]
    keys = {frozenset(key["column_names"]) for key in (*indexes, *constraints)}
    return keys | {frozenset(tables.get_pk_constraint(table)["constrained_columns"])}


def _is_partial(index: Any) -> bool:
    options = index.get("dialect_options", {})
    return any(name.endswith(("_where", "_length")) and value is not None for name, value in options.items())


def _names(connection: Connection, statement: str, table: str) -> list[str]:
    return list(connection.execute(text(statement), {"table": table}).scalars())


def _is_mariadb(connection: Connection) -> bool:
    return connection.dialect.name in {"mysql", "mariadb"}
