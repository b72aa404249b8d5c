"""An installation of lback on a server, for tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from blinker import NamedSignal
from sqlalchemy import select, text

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.models.tables import EVENTS
from lback_cli.settings import Settings
from lback_cli.settings.schema import DatabaseSettings, PasswordSettings, UserSettings
from lback_cli.signals import CATALOGUE

PASSWORD = "correct horse battery staple"


class Installation:
    """All managers on the database at *url*. Mail goes to *directory*, and hashing is cheap."""

    def __init__(self, url: str, directory: Path, *, isolation: str | None = None, **database: Any) -> None:
        self.url = url
        self.directory = directory
        settings = replace(
            Settings(),
            database=DatabaseSettings(url=url, **database),
            users=UserSettings(unicode_names=True),
            password=PasswordSettings(memory=64, iterations=1, parallelism=1),
        )
        self.database = Database(settings.database)
        if isolation is not None:
            vars(self.database)["engine"] = self.database.engine.execution_options(isolation_level=isolation)
        self.services = services = Dependencies(settings, data_directory=directory)
        self.users = UserManager(self.database, services)
        self.groups = GroupManager(self.database, services)
        self.finder = Directory(self.database, services)
        self.events = EventLog(self.database, services)

    def initialize(self) -> "Installation":
        Schema(self.database).initialize()
        return self

    def reopen(self, url: str | None = None, **options: Any) -> "Installation":
        """Open the same database on new connections."""
        return Installation(url or self.url, self.directory, **options)

    def register(self, name: str, **options: Any) -> Any:
        return self.users.register_user(name, f"{name}@example.org", PASSWORD, **options)

    def rows(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        with self.database.reading() as session:
            return [tuple(row) for row in session.execute(text(statement), values)]

    def write(self, statement: str, **values: Any) -> None:
        with self.database.session() as session:
            session.execute(text(statement), values)

    def mails(self) -> list[Path]:
        return sorted((self.directory / "mail").glob("*.eml"))

    def recorded(self) -> list[tuple[Any, ...]]:
        """Return (signal, subject) of every event."""
        # Not as text: `signal` is a reserved word of MariaDB.
        with self.database.reading() as session:
            return [
                tuple(row) for row in session.execute(select(EVENTS.c.signal, EVENTS.c.subject).order_by(EVENTS.c.seq))
            ]

    def close(self) -> None:
        self.database.dispose()


@contextmanager
def record_signals() -> Iterator[list[str]]:
    """Record the names of the signals that the block sends, in order."""
    names: list[str] = []

    def receiver(name: str) -> Any:
        return lambda *_, **__: names.append(name)

    receivers = {name: receiver(name) for name in CATALOGUE}
    for name, recorder in receivers.items():
        CATALOGUE[name].signal.connect(recorder)
    try:
        yield names
    finally:
        for name, recorder in receivers.items():
            CATALOGUE[name].signal.disconnect(recorder)


@contextmanager
def on_signal(signal: NamedSignal, act: Any) -> Iterator[None]:
    """Call *act* with the arguments of each *signal* in the block."""

    def receiver(_sender: Any, **arguments: Any) -> None:
        act(**arguments)

    with signal.connected_to(receiver):
        yield
