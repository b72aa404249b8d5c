"""Whether every character can be stored, and comes back as it was."""

from collections.abc import Iterator

from sqlalchemy import text
from sqlalchemy.engine import Connection

from lback_cli.database.facts import Concern, as_text, setting_remedy

_POSTGRESQL = text(
    "SELECT current_setting('server_encoding'), setting, source FROM pg_settings WHERE name = 'client_encoding'"
)
_MARIADB = text("SELECT @@character_set_client, @@character_set_connection, @@character_set_results")
_MARIADB_DATABASE = text("SELECT @@character_set_database")
_MARIADB_COLUMNS = text(
    "SELECT table_name, character_set_name, GROUP_CONCAT(column_name ORDER BY ordinal_position SEPARATOR ', ') "
    "FROM information_schema.columns WHERE table_schema = DATABASE() AND character_set_name <> 'utf8mb4' "
    # An application may keep its hashes and tokens in ASCII.
    "AND (LEFT(table_name, 6) = 'lback_' OR (table_name, column_name) IN "
    "(('users', 'username'), ('users', 'email'), ('groups', 'name'), ('groups', 'description'))) "
    "GROUP BY table_name, character_set_name ORDER BY table_name"
)


def misencoded(connection: Connection) -> Iterator[Concern]:
    """What of the database, its tables and the connection has another encoding than UTF-8, all of it."""
    find = {"sqlite": _sqlite, "postgresql": _postgresql}.get(connection.dialect.name, _mariadb)
    yield from find(connection)


def _sqlite(_: Connection) -> Iterator[Concern]:
    """Its text is Unicode always."""
    yield from ()


def _postgresql(connection: Connection) -> Iterator[Concern]:
    server, client, source = map(as_text, connection.execute(_POSTGRESQL).one())
    if server != "UTF8":
        yield Concern(
            f"The database is encoded in {server}, which is not UTF8.",
            "Run: CREATE DATABASE another ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0; then 'lback db copy' to it.",
        )
    if client != "UTF8" and source != "default":
        yield Concern(
            f"The connection is encoded in {client}, which is not UTF8 (client_encoding).",
            setting_remedy(connection, "client_encoding", "'UTF8'"),
        )


def _mariadb(connection: Connection) -> Iterator[Concern]:
    quote = connection.dialect.identifier_preparer.quote
    others = dict.fromkeys(
        as_text(name) for name in connection.execute(_MARIADB).one() if name not in {None, "utf8mb4"}
    )
    if others:
        yield Concern(
            f"The connection is encoded in {', '.join(others)}, which is not utf8mb4.",
            "Write charset=utf8mb4 into database.url.",
        )
    database = as_text(connection.execute(_MARIADB_DATABASE).scalar_one())
    if database != "utf8mb4":
        yield Concern(
            f"New tables of the database are encoded in {database}, which is not utf8mb4.",
            f"Run: ALTER DATABASE {quote(connection.engine.url.database or '')} "
            "CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        )
    for row in connection.execute(_MARIADB_COLUMNS):
        table, name, columns = map(as_text, row)
        yield Concern(
            f"{table} is encoded in {name}, which is not utf8mb4 ({columns}).",
            f"Run: ALTER TABLE {quote(table)} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
        )
