"""Healthy installations, in which a test breaks one thing."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.doctor.context import CheckContext
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.settings import DatabaseSettings, EmailSettings, PasswordSettings, Settings

CHEAP_HASHING = PasswordSettings(memory=19456, iterations=2, parallelism=1)


@pytest.fixture
def make_context(tmp_path: Path) -> Iterator[Callable[..., CheckContext]]:
    """Make a healthy installation: ``make_context(url, ready=, **sections)``.

    The default URL is that of the SQLite file ``users.db``. With *ready* the tables are created. Other keywords replace
    sections of the settings.
    """
    contexts: list[CheckContext] = []

    def make(url: str | None = None, *, ready: bool = True, **sections: Any) -> CheckContext:
        database = DatabaseSettings(url=f"sqlite:///{tmp_path}/users.db" if url is None else url, busy_timeout=0.1)
        settings = replace(
            Settings(database=database, email=EmailSettings(directory=tmp_path / "mail"), password=CHEAP_HASHING),
            **sections,
        )
        if ready:
            created = Database(settings.database)
            Schema(created).initialize()
            created.dispose()
        contexts.append(CheckContext(settings, directory=tmp_path))
        return contexts[-1]

    yield make
    for context in contexts:
        if "database" in vars(context):
            context.database.dispose()


@pytest.fixture
def register() -> Callable[[CheckContext, str], None]:
    """Register a user in an installation, which adds an event."""

    def run(context: CheckContext, name: str) -> None:
        users = UserManager(context.database, Dependencies(context.settings, data_directory=context.directory))
        users.register_user(name, f"{name}@example.org", "purple giraffes yodel at dusk")

    return run
