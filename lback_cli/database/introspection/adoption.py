"""Whether the tables of an application are those of the lback framework, so that lback can work beside it."""

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
    deferred_columns,
    filled_in_columns,
    has_row_security,
    triggers,
)
from lback_cli.database.introspection.collation import KEYS, case_insensitive_keys
from lback_cli.database.introspection.encoding import THREE_BYTES
from lback_cli.database.introspection.framework_tables import FRAMEWORK, ID, FrameworkColumn, Kind
from lback_cli.database.introspection.unique_keys import unique_keys


@dataclass(frozen=True, slots=True)
class AdoptionReport:
    """What was found in an application's tables: each *obstacle* keeps lback from using them, a *remark* does not.

    Both are phrases that begin with the table or column they are about.
    """

    obstacles: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def adoptable(self) -> bool:
        """Whether nothing is in the way."""
        return not self.obstacles


def check_adoptable(connection: Connection) -> AdoptionReport:
    """Compare the tables with the framework's, changing nothing."""
    tables = sa.inspect(connection)
    names = set(tables.get_table_names())
    obstacles = list(_missing(tables, names))
    obstacles += [f"{name} is there already, though lback never set it up" for name in sorted(names) if _ours(name)]
    remarks: list[str] = []
    for table, columns in FRAMEWORK.items():
        if table in names:
            obstacles += _differences(connection, tables, table, columns)
            obstacles += _narrow_keys(connection, table)
            remarks += _hidden_rules(connection, table)
            remarks += _short_of_letters(connection, table)
            remarks += _slow_columns(tables, table, columns)
            remarks += (
                f"{name} is a column of the application's own, which lback leaves as it is"
                for name in added_columns(tables, table)
            )
    if not obstacles:
        remarks += [
            f"{key} has the collation {collation}, which takes different names for the same"
            for key, collation in case_insensitive_keys(connection)
        ]
        remarks += _orphans(connection)
    return AdoptionReport(tuple(obstacles), tuple(remarks))


def _missing(tables: Inspector, names: set[str]) -> Iterator[str]:
    """The tables that are not there, and what is there under their names."""
    views = set(tables.get_view_names())
    for name in (name for name in FRAMEWORK if name not in names):
        others = sorted(other for other in names if other.lower() == name)
        if name in views:
            yield f"{name} is a view where a table is expected"
        else:
            yield f"{name} is missing, where there is {', '.join(others)}" if others else f"{name} is missing"


def _narrow_keys(connection: Connection, table: str) -> Iterator[str]:
    """Names that a column cannot store would be refused, or found under question marks."""
    for column, name in _key_character_sets(connection, table):
        if name != _WIDE and name not in THREE_BYTES:
            yield f"{table}.{column} has the character set {name}, which lacks most letters, where {_WIDE} is expected"


def _short_of_letters(connection: Connection, table: str) -> Iterator[str]:
    for column, name in _key_character_sets(connection, table):
        if name in THREE_BYTES:
            yield f"{table}.{column} has the character set {name}, which lacks rare letters: they are refused"


def _key_character_sets(connection: Connection, table: str) -> Iterator[tuple[str, str]]:
    found = character_sets(connection, table)
    yield from ((column, found[column]) for key_table, column in KEYS if key_table == table and column in found)


def _hidden_rules(connection: Connection, table: str) -> Iterator[str]:
    for name in triggers(connection, table):
        yield f"{table} has the trigger {name}, which runs on what lback writes too"
    if has_row_security(connection, table):
        yield f"{table} has row level security, which must not hide rows from lback"


def _ours(table: str) -> bool:
    return table.startswith("lback_")


def _differences(
    connection: Connection, tables: Inspector, table: str, expected: dict[str, FrameworkColumn]
) -> Iterator[str]:
    found = {column["name"]: column for column in tables.get_columns(table)}
    yield from (f"{table}.{name} is missing" for name in expected if name not in found)
    filled_in = filled_in_columns(connection, table)
    for name, own in _added(found, expected).items():
        if name not in filled_in and not _is_filled_in(own):
            yield f"{table}.{name} needs a value that lback does not know"
    for name, column in expected.items():
        if name in found:
            yield from (f"{table}.{name} {problem}" for problem in _faults(column, found[name], tables.dialect))
    primary = tables.get_pk_constraint(table)["constrained_columns"]
    wanted = [name for name, column in expected.items() if column.primary]
    if sorted(primary) != sorted(wanted):
        yield f"{table} has the primary key ({', '.join(primary)}) where ({', '.join(wanted)}) is expected"
    yield from _ambiguous(connection, tables, table, [name for name in expected if name in found])
    yield from _unreferring(tables, table, {name: column for name, column in expected.items() if name in found})
    options = tables.get_table_options(table)
    engine = options.get("mysql_engine", options.get("mariadb_engine"))
    if engine is not None and engine.lower() != "innodb":
        yield f"{table} is kept by {engine}, which has no transactions"


def _ambiguous(connection: Connection, tables: Inspector, table: str, names: Sequence[str]) -> Iterator[str]:
    """The columns of these *names* that should tell rows apart, and do not."""
    unique, deferred = unique_keys(tables, table), deferred_columns(connection, table)
    for name in names:
        if FRAMEWORK[table][name].unique and frozenset({name}) not in unique:
            yield f"{table}.{name} is not unique"
        elif FRAMEWORK[table][name].unique and name in deferred:
            yield f"{table}.{name} is unique at the end of a transaction only"


def added_columns(tables: Inspector, table: str) -> list[str]:
    """The columns, as ``table.column``, that an application has in *table* beyond the framework's."""
    found = {column["name"]: column for column in tables.get_columns(table)}
    return [f"{table}.{name}" for name in _added(found, FRAMEWORK[table])]


def _added(found: dict[str, ReflectedColumn], expected: dict[str, FrameworkColumn]) -> dict[str, ReflectedColumn]:
    return {name: column for name, column in found.items() if name not in expected}


def _is_filled_in(column: ReflectedColumn) -> bool:
    """Whether a row can be inserted without a word on that column."""
    given = (column.get("default"), column.get("computed"), column.get("identity"))
    return column["nullable"] or any(value is not None for value in given)


_WHOLE = 3
"""The length of a reference with its column."""


def _unreferring(tables: Inspector, table: str, expected: dict[str, FrameworkColumn]) -> Iterator[str]:
    references = {
        (key["constrained_columns"][0], key["referred_table"], *key["referred_columns"])
        for key in tables.get_foreign_keys(table)
        if len(key["constrained_columns"]) == 1
    }
    if tables.dialect.name == "sqlite":
        # Names are the same in any case there, and without a column the primary key is meant.
        lowered = (tuple(name.lower() for name in reference) for reference in references)
        references = {reference if len(reference) == _WHOLE else (*reference, "id") for reference in lowered}
    for name, column in expected.items():
        if column.refers is not None and (name, column.refers, "id") not in references:
            yield f"{table}.{name} does not refer to {column.refers}.id"


def _faults(expected: FrameworkColumn, found: ReflectedColumn, dialect: Dialect) -> Iterator[str]:
    kind = found["type"]
    if dialect.name == "postgresql" and isinstance(kind, sa.CHAR) and expected.kind == "text":
        yield f"is {kind.compile(dialect)}, which pads what is shorter with blanks"
    elif not _is_kind(expected.kind, kind) or _has_zone(kind, dialect):
        name = "of an unknown type" if isinstance(kind, sa.types.NullType) else kind.compile(dialect)
        yield f"is {name} where a {_WORDS[expected.kind]} is expected"
    elif expected.kind == "text" and (length := getattr(kind, "length", None)) is not None and length < expected.length:
        yield f"holds {length} characters where {expected.length} are needed"
    if expected.nullable is not None and found["nullable"] != expected.nullable:
        yield "may be null" if found["nullable"] else "may not be null"
    numbered = found.get("autoincrement") is True or found.get("identity") is not None
    if expected is ID and dialect.name != "sqlite" and not numbered:
        yield "is not numbered by the database"
    if found.get("computed") is not None:
        yield "is computed by the database"


_WIDE = "utf8mb4"
"""MariaDB's character set with all letters."""

_WORDS: dict[Kind, str] = {
    "number": "32-bit integer",
    "text": "text",
    "flag": "boolean",
    "moment": "date and time without a zone",
}


def _is_kind(kind: Kind, found: Any) -> bool:
    if kind == "number":
        # What refers to it, lback's tables included, has to be of the same size and sign.
        sized = isinstance(found, sa.BigInteger | sa.SmallInteger | mysql.TINYINT | mysql.MEDIUMINT)
        return isinstance(found, sa.Integer) and not sized and not getattr(found, "unsigned", False)
    if kind == "text":
        return isinstance(found, sa.String) and not isinstance(found, sa.Enum)
    if kind == "flag":
        return _is_flag(found)
    return isinstance(found, sa.DateTime) and not getattr(found, "timezone", False)


def _has_zone(found: Any, dialect: Dialect) -> bool:
    """MariaDB keeps a TIMESTAMP in UTC and shows it in the zone of the session, and has none after 2038."""
    return dialect.name in {"mysql", "mariadb"} and isinstance(found, sa.TIMESTAMP)


def _is_flag(found: Any) -> bool:
    """MariaDB's boolean is an integer that is shown with one digit."""
    return isinstance(found, sa.Boolean) or (isinstance(found, mysql.TINYINT) and found.display_width == 1)


def _slow_columns(tables: Inspector, table: str, expected: dict[str, FrameworkColumn]) -> Iterator[str]:
    indexed = {index["column_names"][0] for index in tables.get_indexes(table)}
    indexed |= {name for key in unique_keys(tables, table) if len(key) == 1 for name in key}
    for name, column in expected.items():
        if column.indexed and name not in indexed:
            yield f"{table}.{name} has no index"


def _orphans(connection: Connection) -> Iterator[str]:
    """Memberships of nobody, as SQLite leaves them where foreign keys are not turned on: the next user gets them."""
    for column, table in (("user_id", "users"), ("group_id", "groups")):
        key: sa.ColumnClause[int] = sa.column(column)
        owner = sa.table(table, sa.column("id"))
        association = sa.table("user_groups_association", key)
        missing = sa.select(sa.func.count()).select_from(association).where(key.not_in(sa.select(owner.c.id)))
        if count := connection.execute(missing).scalar_one():
            rows = "1 row" if count == 1 else f"{count} rows"
            yield f"user_groups_association has {rows} of {table} that are not there"
