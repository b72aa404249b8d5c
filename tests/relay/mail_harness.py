"""A database with a mail queue, and deliveries of that mail."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import text

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.mail_queue import MailQueue
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User
from lback_cli.relay.loop import Backoff
from lback_cli.relay.mail import MailDelivery, MailReport
from lback_cli.settings import DatabaseSettings, EmailSettings, PasswordSettings, Settings
from lback_cli.settings.schema import AuthenticationSettings

from .harness import Clock, RecordingObserver

PASSWORD = "purple giraffes yodel at dusk"
CHEAP = PasswordSettings(memory=64, iterations=1, parallelism=1)


class MailHarness:
    """The managers of one database. *email* are the keys of ``[email]`` for a mail server."""

    def __init__(self, directory: Path, email: Mapping[str, Any], url: str | None = None) -> None:
        options = {**email, "transport": "queue", "deliver_with": email["transport"]}
        self.settings = replace(
            Settings(),
            database=DatabaseSettings(url=url or f"sqlite:///{directory}/users.db", busy_timeout=60.0),
            email=EmailSettings(**options),
            password=CHEAP,
            authentication=AuthenticationSettings(max_reset_requests=1000),
        )
        self.database = Database(self.settings.database)
        self.clock = Clock()
        self.services = Dependencies(self.settings, data_directory=directory, clock=self.clock)
        self.users = UserManager(self.database, self.services)
        self.log = EventLog(self.database, self.services)
        self.queue = MailQueue(self.database, self.clock)
        self.observer = RecordingObserver()

    def prepare(self) -> "MailHarness":
        """Create the tables."""
        Schema(self.database).initialize()
        return self

    def register(self, name: str, **options: Any) -> int:
        """Register a user, which queues a link, and return the id."""
        user: User = self.users.register_user(name, f"{name}@example.org", PASSWORD, **options)
        return user.id

    def register_many(self, count: int) -> None:
        """Register *count* users in one transaction, which queues a mail for each."""
        digest = self.services.hasher.hash(PASSWORD)
        with self.database.session() as session:
            for number in range(count):
                name = f"user{number}"
                self.users.register_user(name, f"{name}@example.org", None, password_hash=digest, session=session)

    def once(self) -> MailReport:
        """Send the mail that is due, with short delays."""
        return self.delivery().run(once=True)

    def delivery(self) -> MailDelivery:
        return MailDelivery(
            self.database,
            self.services,
            self.observer,
            mail_backoff=Backoff(60.0, 600.0),
            server_backoff=Backoff(0.01, 0.1),
        )

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table as they are stored."""
        with self.database.reading() as session:
            return [dict(row) for row in session.execute(text(f"SELECT * FROM {table}")).mappings()]

    def close(self) -> None:
        self.database.dispose()
