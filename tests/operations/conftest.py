"""A manager of a SQLite database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.settings import DatabaseSettings, PasswordSettings, Settings


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of the database."""
    return tmp_path / "users.db"


@pytest.fixture
def manager(path: Path, tmp_path: Path) -> Iterator[UserManager]:
    settings = Settings(
        database=DatabaseSettings(url=f"sqlite:///{path}", busy_timeout=0),
        password=PasswordSettings(memory=19456, iterations=2, parallelism=1),
    )
    database = Database(settings.database)
    Schema(database).initialize()
    yield UserManager(database, Dependencies(settings, data_directory=tmp_path))
    database.dispose()
