"""Installations, healthy until the test spoils one thing."""

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

CHEAP = PasswordSettings(memory=19456, iterations=2, parallelism=1)


@pytest.fixture
def admit(tmp_path: Path) -> Iterator[Callable[..., CheckContext]]:
    """A healthy installation, by default on the SQLite file ``users.db``; keywords replace sections of the settings."""
    admitted: list[CheckContext] = []

    def make(url: str | None = None, *, ready: bool = True, **sections: Any) -> CheckContext:
        database = DatabaseSettings(url=f"sqlite:///{tmp_path}/users.db" if url is None else url, busy_timeout=0.1)
        settings = replace(
            Settings(database=database, email=EmailSettings(directory=tmp_path / "mail"), password=CHEAP), **sections
        )
        if ready:
            made = Database(settings.database)
            Schema(made).initialize()
            made.dispose()
        admitted.append(CheckContext(settings, directory=tmp_path))
        return admitted[-1]

    yield make
    for patient in admitted:
        if "database" in vars(patient):
            patient.database.dispose()


@pytest.fixture
def register() -> Callable[[CheckContext, str], None]:
    """Register a user there, which leaves an event."""

    def run(patient: CheckContext, name: str) -> None:
        users = UserManager(patient.database, Dependencies(patient.settings, data_directory=patient.directory))
        users.register_user(name, f"{name}@example.org", "purple giraffes yodel at dusk")

    return run
