"""Applications built on the lback framework on each kind of database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.settings import DatabaseSettings

from .framework import Application


@pytest.fixture
def on_sqlite(tmp_path: Path) -> Iterator[Application]:
    """A populated application in a SQLite file."""
    application = Application(f"sqlite:///{tmp_path}/app.db")
    application.populate()
    yield application
    application.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def application(
    request: pytest.FixtureRequest, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[Application]:
    """A populated application on each kind of database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("on_sqlite")
        return
    with database_on(request.param) as url:
        application = Application(url)
        application.populate()
        yield application
        application.engine.dispose()


@pytest.fixture
def schema_of() -> Iterator[Callable[[Application], Schema]]:
    """Open an application's database with lback."""
    opened: list[Database] = []

    def open_schema(application: Application) -> Schema:
        opened.append(Database(DatabaseSettings(url=application.url)))
        return Schema(opened[-1])

    yield open_schema
    for database in opened:
        database.dispose()
