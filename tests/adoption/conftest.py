"""Applications built on the lback framework on each kind of database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.settings import CompatSettings, DatabaseSettings, EmailSettings, LinkSettings, Settings

from .framework import Application
from .shared import Shared


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


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Callable[[Application], Shared]]:
    """Adopt an application's database."""
    opened: list[Database] = []

    def adopt(application: Application) -> Shared:
        mail = tmp_path / "mail"
        settings = Settings(
            database=DatabaseSettings(url=application.url),
            email=EmailSettings(directory=mail),
            links=LinkSettings(
                verify_email="https://app.example/verify/{token}", reset_password="https://app.example/reset/{token}"
            ),
            compat=CompatSettings(lback_framework=True),
        )
        database = Database(settings.database)
        opened.append(database)
        Schema(database).adopt()
        return Shared(
            application, database, UserManager(database, Dependencies(settings, data_directory=tmp_path)), mail
        )

    yield adopt
    for database in opened:
        database.dispose()


@pytest.fixture
def shared(application: Application, share: Callable[[Application], Shared]) -> Shared:
    """lback and the application on each kind of database."""
    return share(application)


@pytest.fixture
def shared_file(on_sqlite: Application, share: Callable[[Application], Shared]) -> Shared:
    """lback and the application on a SQLite file, for behaviour that is the same on every database."""
    return share(on_sqlite)
