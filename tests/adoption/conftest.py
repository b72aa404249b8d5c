"""Applications of the lback framework on each database, and lback beside them."""

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
    """A populated application on each database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("on_sqlite")
        return
    with database_on(request.param) as url:
        application = Application(url)
        application.populate()
        yield application
        application.engine.dispose()


@pytest.fixture
def schema() -> Iterator[Callable[[Application], Schema]]:
    """lback's look at the tables of an application."""
    opened: list[Database] = []

    def look(application: Application) -> Schema:
        opened.append(Database(DatabaseSettings(url=application.url)))
        return Schema(opened[-1])

    yield look
    for database in opened:
        database.dispose()
