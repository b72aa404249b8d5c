"""How the database encodes and compares text."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.engine import Connection

from lback_cli.problem import Problem

UTF8 = "UTF8"
"""PostgreSQL's only encoding that has every character and rejects invalid text."""

CREATE_UTF8_DATABASE = f"CREATE DATABASE another ENCODING '{UTF8}' LOCALE 'C' TEMPLATE template0"

THREE_BYTES = frozenset({"utf8", "utf8mb3"})
"""MariaDB's character sets that stop at U+FFFF."""

KEYS = (("users", "username"), ("users", "email"), ("groups", "name"))
"""The (table, column) pairs that identify users and groups."""

_POSTGRESQL_ENCODING = text("SHOW server_encoding")
_MARIADB_CHARACTER_SETS = text(
    "SELECT table_name, character_set_name, GROUP_CONCAT(column_name ORDER BY ordinal_position SEPARATOR ', ') "
    "FROM information_schema.columns WHERE table_schema = DATABASE() AND character_set_name <> 'utf8mb4' "
    # An application may keep its hashes and tokens in ASCII. Alembic creates its version table without a charset.
    "AND (LEFT(table_name, 6) = 'lback_' AND table_name <> 'lback_alembic_version' OR (table_name, column_name) IN "
    "(('users', 'username'), ('users', 'email'), ('groups', 'name'), ('groups', 'description'))) "
    "GROUP BY table_name, character_set_name ORDER BY table_name"
)
_POSTGRESQL_COLLATION = text(
    "SELECT kind.typname, rule.collname, rule.collisdeterministic "
    "FROM pg_attribute AS field JOIN pg_type AS kind ON kind.oid = field.atttypid "
    "LEFT JOIN pg_collation AS rule ON rule.oid = field.attcollation "
    "WHERE field.attrelid = to_regclass(:table) AND field.attname = :field"
)
_MARIADB_COLLATION = text(
    "SELECT collation_name FROM information_schema.columns "
    "WHERE table_schema = DATABASE() AND table_name = :table AND column_name = :field"
)


def non_utf8_encoding(connection: Connection) -> str | None:
    """Return the encoding of a PostgreSQL database if it is not UTF-8, else None."""
    if connection.dialect.name != "postgresql":
        return None
    encoding: str = connection.execute(_POSTGRESQL_ENCODING).scalar_one()
    return None if encoding == UTF8 else encoding


def encoding_problems(connection: Connection) -> tuple[list[Problem], list[Problem]]:
    """Return the errors and the warnings about text that is not stored as UTF-8.

    An application's own columns in utf8mb3 are a warning, because adoption accepts them. In lback's own tables they
    are an error.
    """
    errors: list[Problem] = []
    warnings: list[Problem] = []
    if encoding := non_utf8_encoding(connection):
        hint = f"Run: {CREATE_UTF8_DATABASE}; then 'lback db copy' to it."
        errors.append(Problem(f"The database has the encoding {encoding}, not {UTF8}.", hint))
    elif connection.dialect.name in {"mysql", "mariadb"}:
        for table, character_set, problem in _tables_not_in_utf8mb4(connection):
            tolerable = character_set in THREE_BYTES and not table.startswith("lback_")
            (warnings if tolerable else errors).append(problem)
    return errors, warnings


def case_insensitive_keys(connection: Connection) -> Iterator[tuple[str, str]]:
    """Yield each key column that treats different text as equal, as ``table.column`` and its collation.

    Such a column refuses names that other databases accept, and finds a user under another user's name.
    """
    find = {"sqlite": _sqlite_collation, "postgresql": _postgresql_collation}.get(
        connection.dialect.name, _mariadb_collation
    )
    for table, column in KEYS:
        collation = find(connection, table, column)
        if collation is not None:
            yield f"{table}.{column}", collation


def _tables_not_in_utf8mb4(connection: Connection) -> Iterator[tuple[str, str, Problem]]:
    quote = connection.dialect.identifier_preparer.quote
    for table, character_set, columns in connection.execute(_MARIADB_CHARACTER_SETS):
        hint = (
            f"Run: ALTER TABLE {quote(table)} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            if table.startswith("lback_")
            # The application may rely on the character set of its other columns, so do not convert the whole table.
            else f"Convert these columns of {table} to utf8mb4, if the application allows it."
        )
        message = f"{table} has the character set {character_set}, not utf8mb4 ({columns})."
        yield table, character_set, Problem(message, hint)


def _sqlite_collation(connection: Connection, table: str, column: str) -> str | None:
    """Return the collation of the unique index, which need not be that of its column."""
    indexes = connection.execute(text('SELECT name FROM pragma_index_list(:table) WHERE "unique"'), {"table": table})
    for (index,) in indexes.all():
        fields = connection.execute(
            text("SELECT name, coll FROM pragma_index_xinfo(:name) WHERE key"), {"name": index}
        ).all()
        if [name for name, _ in fields] == [column] and fields[0][1].upper() != "BINARY":
            return str(fields[0][1])
    return None


def _postgresql_collation(connection: Connection, table: str, column: str) -> str | None:
    """Return citext or a nondeterministic collation: the others only sort, and compare byte by byte."""
    # The table name is quoted because "groups" is a reserved word.
    found = connection.execute(_POSTGRESQL_COLLATION, {"table": f'"{table}"', "field": column}).first()
    if found is None:
        return None
    kind, collation, deterministic = found
    if kind == "citext":
        return "citext"
    return str(collation) if collation is not None and not deterministic else None


def _mariadb_collation(connection: Connection, table: str, column: str) -> str | None:
    collation = connection.execute(_MARIADB_COLLATION, {"table": table, "field": column}).scalar()
    return None if collation is None or collation.endswith("_bin") else str(collation)
