"""All of lback in memory: fast, and deleted when it is closed."""

from dataclasses import replace
from email.message import EmailMessage
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.mail.mailer import Mailer
from lback_cli.mail.transports import Delivery, Transport
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User
from lback_cli.settings import DatabaseSettings, PasswordSettings, Settings
from lback_cli.testing.recorder import SignalRecorder

PASSWORD = "correct horse battery staple"  # noqa: S105 - for tests
"""The password of every user that `Sandbox.register` registers."""

CHEAP = PasswordSettings(memory=64, iterations=1, parallelism=1)
"""A cost of Argon2id at which hashing takes almost no time and protects nothing."""


class Sandbox:
    """All managers, with an empty SQLite database in memory. Hashes take almost no time, and mail is kept in `mails`.

    Keywords replace sections of the settings: ``Sandbox(users=UserSettings(default_group="staff"))``. The receivers are
    those that the process has connected, for example by importing a plugin. *signals* records the signals.
    """

    def __init__(self, **sections: Any) -> None:
        memory = {"database": DatabaseSettings(url="sqlite://"), "password": CHEAP}
        self.settings = replace(Settings(), **{**memory, **sections})
        self._database = Database(self.settings.database)
        Schema(self._database).ensure()
        self._services = _MemoryServices(self.settings)
        self.users = UserManager(self._database, self._services)
        self.directory = Directory(self._database, self._services)
        self.groups = GroupManager(self._database, self._services)
        self.events = EventLog(self._database, self._services)
        self.signals = SignalRecorder(self.users)
        self.signals.connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def mails(self) -> list[EmailMessage]:
        """The mails that were sent so far, the oldest first."""
        return self._services.mails

    def register(self, username: str, email: str | None = None, **options: Any) -> User:
        """Register a user with the password `PASSWORD`; *options* are those of `UserManager.register_user`."""
        user: User = self.users.register_user(username, email or f"{username}@example.org", PASSWORD, **options)
        return user

    def close(self) -> None:
        """Delete the database, and stop recording signals."""
        self.signals.disconnect()
        self._database.dispose()


class _MemoryServices(Dependencies):
    def __init__(self, settings: Settings) -> None:
        super().__init__(settings, data_directory=Path())
        self.mails: list[EmailMessage] = []

    @cached_property
    def mailer(self) -> Mailer:
        return _MemoryMailer(self.settings, self.mails)


class _MemoryMailer(Mailer):
    def __init__(self, settings: Settings, mails: list[EmailMessage]) -> None:
        super().__init__(settings.email, settings.links, default_directory=Path())
        self._mails = mails

    def _transport(self) -> Transport:
        return _MemoryTransport(self._mails)


class _MemoryTransport:
    def __init__(self, mails: list[EmailMessage]) -> None:
        self._mails = mails

    def deliver(self, message: EmailMessage) -> Delivery:
        self._mails.append(message)
        return Delivery("memory")

    def check(self, recipient: str | None = None) -> str:  # noqa: ARG002 - memory takes mail to any address
        return "Mail stays in memory."
