"""Whether lback can share the tables of an application built on the lback framework."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.engine import Connection, Dialect
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.engine.reflection import Inspector

from lback_cli.database.introspection.catalog_queries import (
    character_sets,
    columns_with_default,
    deferred_columns,
    has_row_security,
    triggers,
    unique_keys,
)
from lback_cli.database.introspection.framework_tables import FRAMEWORK_TABLES, ID, FrameworkColumn, Kind
from lback_cli.database.introspection.text_columns import KEYS, THREE_BYTES, case_insensitive_keys
from lback_cli.problem import Problem

_ASSOCIATION, _OWN_INDEX = "user_groups_association", "ix_user_groups_association_group_id"
"""lback creates this index with its tables. The lback framework does not, and adoption does not add it."""

_ALL_LETTERS = "utf8mb4"
"""MariaDB's character set that has every character."""

_KIND_NAMES: dict[Kind, str] = {
    "number": "a 32-bit integer",
    "text": "text",
    "flag": "a boolean",
    "moment": "a date and time without a time zone",
}

_WITH_COLUMN = 3
"""The length of a reference that names the referred column."""

COMPATIBILITY_IS_OFF = Problem(
    "An application built on the lback framework created the tables, but [compat] lback_framework is off: "
    "lback hashes passwords with Argon2id, which that application cannot verify.",
    "While the application runs, set [compat] lback_framework = true; see docs/adoption.md.",
)


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """What lback found in an application's tables: *errors* prevent the adoption, *warnings* do not.

    Each is a phrase without a full stop that begins with the table or column it is about.
    """

    errors: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def adoptable(self) -> bool:
        """Whether there is no error."""
        return not self.errors


def is_adopted(connection: Connection) -> bool:
    """Return whether an application built on the lback framework created the tables, and not lback."""
    return _OWN_INDEX not in {index["name"] for index in sa.inspect(connection).get_indexes(_ASSOCIATION)}


def check_adoptable(connection: Connection) -> AdoptionReport:
    """Compare the tables with the framework's."""
    tables = sa.inspect(connection)
    names = set(tables.get_table_names())
    errors = list(_missing_tables(tables, names))
    errors += [f"{name} already exists, but lback did not create it" for name in sorted(names) if _is_own(name)]
    warnings: list[str] = []
    for table, columns in FRAMEWORK_TABLES.items():
        if table in names:
            errors += _differences(connection, tables, table, columns)
            errors += _keys_without_most_letters(connection, table)
            warnings += _hidden_rules(connection, table)
            warnings += _keys_without_rare_letters(connection, table)
            warnings += _unindexed_columns(tables, table, columns)
            warnings += (
                f"{name} was added by the application; lback leaves it unchanged"
                for name in added_columns(tables, table)
            )
    if not errors:
        warnings += [
            f"{key} has the collation {collation}, which treats different names as equal"
            for key, collation in case_insensitive_keys(connection)
        ]
        warnings += _orphaned_memberships(connection)
    return AdoptionReport(tuple(errors), tuple(warnings))


def added_columns(tables: Inspector, table: str) -> list[str]:
    """Return the columns, as ``table.column``, that an application has added to a framework table."""
    found = {column["name"]: column for column in tables.get_columns(table)}
    return [f"{table}.{name}" for name in _added(found, FRAMEWORK_TABLES[table])]


def _missing_tables(tables: Inspector, names: set[str]) -> Iterator[str]:
    views = set(tables.get_view_names())
    for name in (name for name in FRAMEWORK_TABLES if name not in names):
        others = sorted(other for other in names if other.lower() == name)
        if name in views:
            yield f"{name} is a view, not a table"
        else:
            yield f"{name} is missing, but {', '.join(others)} exists" if others else f"{name} is missing"


def _keys_without_most_letters(connection: Connection, table: str) -> Iterator[str]:
    """Report key columns in a character set such as latin1, where most names cannot be stored correctly."""
    for column, name in _key_character_sets(connection, table):
        if name != _ALL_LETTERS and name not in THREE_BYTES:
            yield (
                f"{table}.{column} has the character set {name}, which cannot store most letters; "
                f"expected {_ALL_LETTERS}"
            )


def _keys_without_rare_letters(connection: Connection, table: str) -> Iterator[str]:
    for column, name in _key_character_sets(connection, table):
        if name in THREE_BYTES:
            yield f"{table}.{column} has the character set {name}, so characters beyond U+FFFF are refused"


def _key_character_sets(connection: Connection, table: str) -> Iterator[tuple[str, str]]:
    found = character_sets(connection, table)
    yield from ((column, found[column]) for key_table, column in KEYS if key_table == table and column in found)


def _hidden_rules(connection: Connection, table: str) -> Iterator[str]:
    for name in triggers(connection, table):
        yield f"{table} has the trigger {name}, which also runs for lback's changes"
    if has_row_security(connection, table):
        yield f"{table} has row-level security, which must not hide rows from lback"


def _is_own(table: str) -> bool:
    return table.startswith("lback_")


def _differences(
    connection: Connection, tables: Inspector, table: str, expected: dict[str, FrameworkColumn]
) -> Iterator[str]:
    found = {column["name"]: column for column in tables.get_columns(table)}
    yield from (f"{table}.{name} is missing" for name in expected if name not in found)
    has_default = columns_with_default(connection, table)
    for name, added in _added(found, expected).items():
        if name not in has_default and not _is_optional(added):
            yield f"{table}.{name} is NOT NULL without a default, so lback could not insert a row"
    for name, column in expected.items():
        if name in found:
            yield from (f"{table}.{name} {difference}" for difference in _faults(column, found[name], tables.dialect))
    primary = tables.get_pk_constraint(table)["constrained_columns"]
    wanted = [name for name, column in expected.items() if column.primary_key]
    if sorted(primary) != sorted(wanted):
        yield f"{table} has the primary key ({', '.join(primary)}); expected ({', '.join(wanted)})"
    yield from _not_unique(connection, tables, table, [name for name in expected if name in found])
    yield from _without_foreign_key(tables, table, {name: column for name, column in expected.items() if name in found})
    options = tables.get_table_options(table)
    engine = options.get("mysql_engine", options.get("mariadb_engine"))
    if engine is not None and engine.lower() != "innodb":
        yield f"{table} uses the storage engine {engine}, which has no transactions"


def _not_unique(connection: Connection, tables: Inspector, table: str, names: Sequence[str]) -> Iterator[str]:
    unique, deferred = unique_keys(tables, table), deferred_columns(connection, table)
    for name in names:
        if FRAMEWORK_TABLES[table][name].unique and frozenset({name}) not in unique:
            yield f"{table}.{name} is not unique"
        elif FRAMEWORK_TABLES[table][name].unique and name in deferred:
            yield f"{table}.{name} is checked for uniqueness only at COMMIT"


def _added(found: dict[str, ReflectedColumn], expected: dict[str, FrameworkColumn]) -> dict[str, ReflectedColumn]:
    return {name: column for name, column in found.items() if name not in expected}


def _is_optional(column: ReflectedColumn) -> bool:
    """Return whether an INSERT may omit the column."""
    given = (column.get("default"), column.get("computed"), column.get("identity"))
    return column["nullable"] or any(value is not None for value in given)


def _without_foreign_key(tables: Inspector, table: str, expected: dict[str, FrameworkColumn]) -> Iterator[str]:
    references = {
        (key["constrained_columns"][0], key["referred_table"], *key["referred_columns"])
        for key in tables.get_foreign_keys(table)
        if len(key["constrained_columns"]) == 1
    }
    if tables.dialect.name == "sqlite":
        # SQLite ignores the case of names, and REFERENCES without a column means the primary key.
        lowered = (tuple(name.lower() for name in reference) for reference in references)
        references = {reference if len(reference) == _WITH_COLUMN else (*reference, "id") for reference in lowered}
    for name, column in expected.items():
        if column.references is not None and (name, column.references, "id") not in references:
            yield f"{table}.{name} has no foreign key to {column.references}.id"


def _faults(expected: FrameworkColumn, found: ReflectedColumn, dialect: Dialect) -> Iterator[str]:
    kind = found["type"]
    if dialect.name == "postgresql" and isinstance(kind, sa.CHAR) and expected.kind == "text":
        yield f"has the type {kind.compile(dialect)}, which pads values with spaces"
    elif not _is_kind(expected.kind, kind) or _has_zone(kind, dialect):
        name = "an unknown type" if isinstance(kind, sa.types.NullType) else f"the type {kind.compile(dialect)}"
        yield f"has {name}; expected {_KIND_NAMES[expected.kind]}"
    elif expected.kind == "text" and (length := getattr(kind, "length", None)) is not None and length < expected.length:
        yield f"holds {length} characters; lback needs {expected.length}"
    if expected.nullable is not None and found["nullable"] != expected.nullable:
        yield "allows NULL" if found["nullable"] else "does not allow NULL"
    generated = found.get("autoincrement") is True or found.get("identity") is not None
    if expected is ID and dialect.name != "sqlite" and not generated:
        yield "is not numbered by the database"
    if found.get("computed") is not None:
        yield "is computed by the database"


def _is_kind(kind: Kind, found: Any) -> bool:
    if kind == "number":
        # Foreign keys, those of lback's tables included, must have the same size and sign.
        sized = isinstance(found, sa.BigInteger | sa.SmallInteger | mysql.TINYINT | mysql.MEDIUMINT)
        return isinstance(found, sa.Integer) and not sized and not getattr(found, "unsigned", False)
    if kind == "text":
        return isinstance(found, sa.String) and not isinstance(found, sa.Enum)
    if kind == "flag":
        return _is_flag(found)
    return isinstance(found, sa.DateTime) and not getattr(found, "timezone", False)


def _has_zone(found: Any, dialect: Dialect) -> bool:
    """Return whether the type is MariaDB's TIMESTAMP, which converts to the session's time zone and ends in 2038."""
    return dialect.name in {"mysql", "mariadb"} and isinstance(found, sa.TIMESTAMP)


def _is_flag(found: Any) -> bool:
    """Return whether the type is a boolean, which MariaDB reports as TINYINT(1)."""
    return isinstance(found, sa.Boolean) or (isinstance(found, mysql.TINYINT) and found.display_width == 1)


def _unindexed_columns(tables: Inspector, table: str, expected: dict[str, FrameworkColumn]) -> Iterator[str]:
    indexed = {index["column_names"][0] for index in tables.get_indexes(table)}
    indexed |= {name for key in unique_keys(tables, table) if len(key) == 1 for name in key}
    for name, column in expected.items():
        if column.indexed and name not in indexed:
            yield f"{table}.{name} has no index"


def _orphaned_memberships(connection: Connection) -> Iterator[str]:
    """Report memberships whose user or group is gone, as SQLite leaves them without foreign keys.

    The next user or group with the same id would get them.
    """
    for column, table in (("user_id", "users"), ("group_id", "groups")):
        key: sa.ColumnClause[int] = sa.column(column)
        owner = sa.table(table, sa.column("id"))
        association = sa.table(_ASSOCIATION, key)
        missing = sa.select(sa.func.count()).select_from(association).where(key.not_in(sa.select(owner.c.id)))
        if count := connection.execute(missing).scalar_one():
            rows = "1 row" if count == 1 else f"{count} rows"
            yield f"{_ASSOCIATION} has {rows} for {table} that do not exist"
