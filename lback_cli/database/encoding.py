"""Whether every character can be stored."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.engine import Connection

from lback_cli.database.facts import Concern

_POSTGRESQL = text("SHOW server_encoding")
_MARIADB = text(
    "SELECT table_name, character_set_name, GROUP_CONCAT(column_name ORDER BY ordinal_position SEPARATOR ', ') "
    "FROM information_schema.columns WHERE table_schema = DATABASE() AND character_set_name <> 'utf8mb4' "
    # An application may keep its hashes and tokens in ASCII, and Alembic its version.
    "AND (LEFT(table_name, 6) = 'lback_' AND table_name <> 'lback_alembic_version' OR (table_name, column_name) IN "
    "(('users', 'username'), ('users', 'email'), ('groups', 'name'), ('groups', 'description'))) "
    "GROUP BY table_name, character_set_name ORDER BY table_name"
)


def misencoded(connection: Connection) -> Iterator[Concern]:
    """What of the database and its tables has another encoding than UTF-8; connections of lback's always have that."""
    if connection.dialect.name == "postgresql":
        encoding = connection.execute(_POSTGRESQL).scalar_one()
        if encoding != "UTF8":
            yield Concern(
                f"The database is encoded in {encoding}, which is not UTF8.",
                "Run: CREATE DATABASE another ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0; "
                "then 'lback db copy' to it.",
            )
    elif connection.dialect.name != "sqlite":
        quote = connection.dialect.identifier_preparer.quote
        for table, encoding, columns in connection.execute(_MARIADB):
            yield Concern(
                f"{table} is encoded in {encoding}, which is not utf8mb4 ({columns}).",
                f"Run: ALTER TABLE {quote(table)} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            )
