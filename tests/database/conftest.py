"""Databases, each in its own directory."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.settings import DatabaseSettings


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., Database]]:
    """Make a `Database` from settings, by default for the SQLite file ``users.db``."""
    made: list[Database] = []

    def make(url: str | None = None, **settings: Any) -> Database:
        settings.setdefault("busy_timeout", 0.05)
        database = Database(DatabaseSettings(url=f"sqlite:///{tmp_path}/users.db" if url is None else url, **settings))
        made.append(database)
        return database

    yield make
    for database in made:
        database.dispose()


@pytest.fixture
def database(connect: Callable[..., Database]) -> Database:
    """A SQLite file with lback's tables."""
    made = connect()
    Schema(made).initialize()
    return made
