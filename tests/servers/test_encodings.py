"""Databases and connections whose encoding lacks characters."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import text

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import DatabaseError
from lback_cli.models import Group
from lback_cli.models.tables import METADATA
from lback_cli.settings import DatabaseSettings
from lback_cli.text.times import utc_now

NAMES = ["Юля", "李小龍", "zoé"]


DatabaseOn = Callable[..., AbstractContextManager[str]]

C = "LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"


def stored_names(url: str) -> list[str]:
    """Store groups and return their names and descriptions as they are read back."""
    database = Database(DatabaseSettings(url=url))
    with database.session() as session:
        session.add_all(
            Group(name=name, description=name, created_at=utc_now(), updated_at=utc_now()) for name in NAMES
        )
    with database.reading() as session:
        found = [row for group in session.query(Group).order_by(Group.id) for row in (group.name, group.description)]
    database.dispose()
    return [name for name in found if name is not None]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
@pytest.mark.parametrize("command", ["init", "adopt"])
def test_database_without_utf8_is_refused(lback: Any, database_on: DatabaseOn, encoding: str, command: str) -> None:
    with database_on("postgresql", f"ENCODING '{encoding}' {C}") as url:
        if command == "adopt":
            made = Database(DatabaseSettings(url=url))
            with made.engine.begin() as connection:
                from lback_cli.database.migrations import migrate

                migrate(connection, "0001")
                connection.execute(text("DROP TABLE lback_tokens, lback_alembic_version"))
            made.dispose()
        done = lback("db", command, "--database-url", url)
        assert (done.status, done.out, done.err) == (
            9,
            "",
            (
                f"error: The database {url} has the encoding {encoding}; lback needs UTF8.\n"
                "       Create another database: "
                "CREATE DATABASE another ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0\n"
            ),
        )
        assert lback("db", "status", "--database-url", url).status == 9


def test_character_that_the_database_cannot_store_is_reported(database_on: DatabaseOn) -> None:
    """Older versions of lback accepted such a database."""
    with database_on("postgresql", f"ENCODING 'LATIN1' {C}") as url:
        database = Database(DatabaseSettings(url=url))
        with database.session() as session:
            session.execute(text("CREATE TABLE words (word TEXT)"))
        with pytest.raises(DatabaseError) as caught, database.session() as session:
            session.execute(text("INSERT INTO words VALUES (:word)"), {"word": "Юля"})
        assert caught.value.message == (
            f"The database {url} cannot store this character, because its encoding is not UTF8."
        )
        assert caught.value.hint == "Move to a database in UTF8 with 'lback db copy'."
        database.dispose()


@pytest.mark.parametrize("options", ["?client_encoding=latin1", ""])
def test_client_encoding_of_postgresql_is_overridden(postgresql_url: str, options: str) -> None:
    database = Database(DatabaseSettings(url=postgresql_url))
    Schema(database).initialize()
    with database.session() as session:
        session.execute(text(f"ALTER DATABASE {database.url.database} SET client_encoding = 'LATIN1'"))
    database.dispose()
    assert stored_names(postgresql_url + options) == [name for name in NAMES for _ in range(2)]


@pytest.mark.parametrize("options", ["?charset=latin1", "?charset=utf8mb3", ""])
def test_tables_on_mariadb_store_every_character_whatever_the_default(database_on: DatabaseOn, options: str) -> None:
    with database_on("mariadb", "CHARACTER SET latin1") as made:
        url = made.partition("?")[0] + options
        database = Database(DatabaseSettings(url=url))
        Schema(database).initialize()
        tables = (
            "SELECT table_name, table_collation FROM information_schema.tables"
            " WHERE table_schema = DATABASE() AND table_name <> 'lback_alembic_version'"
        )
        with database.reading() as session:
            found = session.execute(text(tables)).all()
        database.dispose()
        assert {table for table, _ in found} == set(METADATA.tables) | {
            "userpermissions",
            "group_permissions_association",
        }
        for table, collation in found:
            assert collation.startswith("utf8mb4_bin" if table.startswith("lback_") else "utf8mb4_"), table
        assert stored_names(url) == [name for name in NAMES for _ in range(2)]
