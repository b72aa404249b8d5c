"""How the database compares the text that tells users and groups apart."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.engine import Connection

KEYS = (("users", "username"), ("users", "email"), ("groups", "name"))
"""The columns, by table, that say who or what is meant."""

_POSTGRESQL = text(
    "SELECT kind.typname, rule.collname, rule.collisdeterministic "
    "FROM pg_attribute AS field JOIN pg_type AS kind ON kind.oid = field.atttypid "
    "LEFT JOIN pg_collation AS rule ON rule.oid = field.attcollation "
    "WHERE field.attrelid = to_regclass(:table) AND field.attname = :field"
)
_MARIADB = text(
    "SELECT collation_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :field"
)


def case_insensitive_keys(connection: Connection) -> Iterator[tuple[str, str]]:
    """Each key column, as ``table.column``, that takes different text for the same, with the collation that does.

    Such a column refuses names that others accept, and finds a user under a name that is not the user's.
    """
    find = {"sqlite": _sqlite, "postgresql": _postgresql}.get(connection.dialect.name, _mariadb)
    for table, column in KEYS:
        collation = find(connection, table, column)
        if collation is not None:
            yield f"{table}.{column}", collation


def _sqlite(connection: Connection, table: str, column: str) -> str | None:
    """The unique index decides, and has the collation of its column unless it names another."""
    indexes = connection.execute(text('SELECT name FROM pragma_index_list(:table) WHERE "unique"'), {"table": table})
    for (index,) in indexes.all():
        fields = connection.execute(
            text("SELECT name, coll FROM pragma_index_xinfo(:name) WHERE key"), {"name": index}
        ).all()
        if [name for name, _ in fields] == [column] and fields[0][1].upper() != "BINARY":
            return str(fields[0][1])
    return None


def _postgresql(connection: Connection, table: str, column: str) -> str | None:
    """Only a nondeterministic collation and citext make equal what is not: the others merely sort."""
    # The table's name is quoted as "groups" is a word of SQL.
    found = connection.execute(_POSTGRESQL, {"table": f'"{table}"', "field": column}).first()
    if found is None:
        return None
    kind, collation, deterministic = found
    if kind == "citext":
        return "citext"
    return str(collation) if collation is not None and not deterministic else None


def _mariadb(connection: Connection, table: str, column: str) -> str | None:
    collation = connection.execute(_MARIADB, {"table": table, "field": column}).scalar()
    return None if collation is None or collation.endswith("_bin") else str(collation)
