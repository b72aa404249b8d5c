"""Servers that lack what lback needs: refused before a table is created."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import Engine, event, inspect, text

from lback_cli.database.engine import Database
from lback_cli.database.introspection import capabilities
from lback_cli.database.schema import Schema
from lback_cli.errors import SchemaError
from lback_cli.settings import DatabaseSettings

from .conftest import SERVERS

DatabaseOn = Callable[[str], AbstractContextManager[str]]

SECOND = {"SAVEPOINT": "SAVEPOINT WITHOUT", "ROLLBACK TO SAVEPOINT": "RELEASE SAVEPOINT"}
"""What a server is sent instead of a statement, so that it refuses it or does not roll back."""


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, database_on: DatabaseOn) -> Iterator[str]:
    with database_on(request.param) as made:
        yield made


def refusal(url: str, start: str = "-") -> str:
    """Return why a database is not set up whose server does not take statements that begin with *start*."""
    database = Database(DatabaseSettings(url=url))

    def change(*arguments: Any) -> tuple[str, Any]:
        statement, values = arguments[2:4]
        return statement.replace(start, SECOND[start]) if statement.startswith(start) else statement, values

    event.listen(database.engine, "before_cursor_execute", change, retval=True)
    with pytest.raises(SchemaError) as caught:
        Schema(database).initialize()
    assert tables(database.engine) == []
    database.dispose()
    prefix = f"lback cannot use the database {database.name}: the server lacks "
    assert caught.value.message.startswith(prefix)
    return caught.value.message.removeprefix(prefix)


def tables(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return inspect(connection).get_table_names()


def test_older_server_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capabilities, "OLDEST", dict.fromkeys(capabilities.OLDEST, (99, 0)))
    product = "MariaDB" if "mariadb" in url else "PostgreSQL"
    assert refusal(url).startswith(f"{product} 99.0 or newer (it is ")


def test_server_without_savepoints_is_refused(url: str) -> None:
    assert "savepoints" in refusal(url, "SAVEPOINT").removesuffix(".").split(", ")


def test_server_that_does_not_roll_back_created_tables_is_refused(database_on: DatabaseOn) -> None:
    with database_on("postgresql") as url:
        assert refusal(url, "ROLLBACK TO SAVEPOINT") == "CREATE TABLE that a transaction can roll back."


def test_tables_have_transactions_whatever_the_default_storage_engine_is(database_on: DatabaseOn) -> None:
    with database_on("mariadb") as url:
        database = Database(DatabaseSettings(url=f"{url}&init_command=SET%20default_storage_engine%3DMyISAM"))
        Schema(database).initialize()
        with database.session() as session:
            engines = session.scalars(
                text("SELECT DISTINCT engine FROM information_schema.tables WHERE table_schema = DATABASE()")
            ).all()
        assert engines == ["InnoDB"]
        database.dispose()
