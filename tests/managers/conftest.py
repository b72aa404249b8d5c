"""The managers on a SQLite file, with cheap hashes, mail in a directory, and a clock that the test sets."""

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as default_policy
from pathlib import Path
from typing import Any

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User
from lback_cli.settings import Settings
from lback_cli.settings.schema import DatabaseSettings, PasswordSettings

PASSWORD = "quiet-harbor-lantern-47"


@dataclass
class Clock:
    """A clock that stands still at *now* until the test changes it."""

    now: datetime = datetime(2026, 3, 4, 15, 4, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by


@dataclass
class Office:
    """All managers of one database, and their mail."""

    database: Database
    services: Dependencies
    clock: Clock
    mail_directory: Path
    users: UserManager = field(init=False)
    directory: Directory = field(init=False)
    groups: GroupManager = field(init=False)

    def __post_init__(self) -> None:
        self.users = UserManager(self.database, self.services)
        self.directory = Directory(self.database, self.services)
        self.groups = GroupManager(self.database, self.services)

    def register(self, name: str, email: str | None = None, **options: Any) -> User:
        user: User = self.users.register_user(name, email or f"{name}@example.org", PASSWORD, **options)
        return user

    @property
    def mails(self) -> list[EmailMessage]:
        """Return the sent mails, oldest first."""
        return [
            message_from_bytes(file.read_bytes(), policy=default_policy)
            for file in sorted(self.mail_directory.glob("*.eml"))
        ]

    def token(self) -> str:
        """Return the token in the newest mail that has one."""
        bodies = [mail.get_body(("plain",)) for mail in self.mails]
        found = [
            match[1]
            for body in bodies
            if body
            for match in re.finditer(r"token=([\w-]{43})(?![\w-])", body.get_content())
        ]
        return found[-1]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with its tables. Copying it is faster than a migration."""
    path = tmp_path_factory.mktemp("empty") / "users.db"
    database = Database(DatabaseSettings(url=f"sqlite:///{path}"))
    Schema(database).initialize()
    database.dispose()
    return path


@pytest.fixture
def open_office(tmp_path: Path, empty_database: Path) -> Iterator[Callable[..., Office]]:
    """Return a function that opens an `Office`. Keywords replace sections of the settings."""
    opened: list[Office] = []

    def make(**sections: Any) -> Office:
        settings = replace(
            Settings(
                database=DatabaseSettings(url=f"sqlite:///{tmp_path}/users.db"),
                password=PasswordSettings(memory=19456, iterations=2, parallelism=1),
            ),
            **sections,
        )
        database = Database(settings.database)
        if database.path is not None and not database.path.exists():
            shutil.copy(empty_database, database.path)
        clock = Clock()
        office = Office(
            database,
            Dependencies(settings, data_directory=tmp_path, clock=clock),
            clock,
            mail_directory=tmp_path / "mail",
        )
        opened.append(office)
        return office

    yield make
    for office in opened:
        office.database.dispose()


@pytest.fixture
def office(open_office: Callable[..., Office]) -> Office:
    """An `Office` with the default settings."""
    return open_office()


@pytest.fixture
def password() -> str:
    """The password of all users of `Office.register`."""
    return PASSWORD
