"""Whether every character can be stored."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.engine import Connection

from lback_cli.problem import Problem

UTF8 = "UTF8"
"""The one encoding of PostgreSQL's in which there is every letter, and in which text is checked to be text."""

MAKE_ANOTHER = f"CREATE DATABASE another ENCODING '{UTF8}' LOCALE 'C' TEMPLATE template0"

THREE_BYTES = frozenset({"utf8", "utf8mb3"})
"""MariaDB's character sets with the letters of all languages in use, but not with the rare ones beyond U+FFFF."""

_POSTGRESQL = text("SHOW server_encoding")
_MARIADB = text(
    "SELECT table_name, character_set_name, GROUP_CONCAT(column_name ORDER BY ordinal_position SEPARATOR ', ') "
    "FROM information_schema.columns WHERE table_schema = DATABASE() AND character_set_name <> 'utf8mb4' "
    # An application may keep its hashes and tokens in ASCII, and Alembic its version.
    "AND (LEFT(table_name, 6) = 'lback_' AND table_name <> 'lback_alembic_version' OR (table_name, column_name) IN "
    "(('users', 'username'), ('users', 'email'), ('groups', 'name'), ('groups', 'description'))) "
    "GROUP BY table_name, character_set_name ORDER BY table_name"
)


def narrow_encoding(connection: Connection) -> str | None:
    """The encoding of a PostgreSQL database that lacks most letters, or checks none; None where it is UTF-8."""
    if connection.dialect.name != "postgresql":
        return None
    encoding: str = connection.execute(_POSTGRESQL).scalar_one()
    return None if encoding == UTF8 else encoding


def encoding_problems(connection: Connection) -> tuple[list[Problem], list[Problem]]:
    """The problems, and the weaknesses, where the database or its tables have another encoding than UTF-8.

    Connections of lback's always have that. An application's own columns may lack the rare letters, as adoption lets
    them; lback's own may not.
    """
    problems: list[Problem] = []
    weaknesses: list[Problem] = []
    if encoding := narrow_encoding(connection):
        remedy = f"Run: {MAKE_ANOTHER}; then 'lback db copy' to it."
        problems.append(Problem(f"The database is encoded in {encoding}, which is not {UTF8}.", remedy))
    elif connection.dialect.name in {"mysql", "mariadb"}:
        for table, encoding, concern in _misencoded_tables(connection):
            tolerable = encoding in THREE_BYTES and not table.startswith("lback_")
            (weaknesses if tolerable else problems).append(concern)
    return problems, weaknesses


def _misencoded_tables(connection: Connection) -> Iterator[tuple[str, str, Problem]]:
    quote = connection.dialect.identifier_preparer.quote
    for table, encoding, columns in connection.execute(_MARIADB):
        remedy = (
            f"Run: ALTER TABLE {quote(table)} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            if table.startswith("lback_")
            # What else the application keeps there, and relies on, is not known.
            else f"Where the application allows it, convert these columns of {table} to utf8mb4."
        )
        yield table, encoding, Problem(f"{table} is encoded in {encoding}, which is not utf8mb4 ({columns}).", remedy)
