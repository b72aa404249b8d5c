"""Applications of the real framework. `test_real_framework.py` runs these tests where it is installed."""

import importlib.util
import logging
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("lback") is None:
    collect_ignore_glob = ["test_*.py"]

PASSWORD = "Violet-Kettle-Harbor-9"


@dataclass
class Sender:
    """An ``EmailSender`` that keeps the mail; *works* is whether it reports success."""

    sender_name: str = "Shop"
    smtp_server: str = "mail.example.org"
    works: bool = True
    mails: list[tuple[str, str, str]] = field(default_factory=list)

    def send_email(self, to_email: str, subject: str, body: str, is_html: bool = False) -> bool:  # noqa: ARG002
        self.mails.append((to_email, subject, body))
        return self.works

    @property
    def link(self) -> str:
        """Return the link in the newest mail that has one."""
        links = [link for _, _, body in self.mails for link in re.findall(r"https?://[^\s\"<]+token=\w+", body)]
        return str(links[-1])

    @property
    def token(self) -> str:
        return self.link.partition("token=")[2]


@dataclass
class Application:
    """The framework on an adopted SQLite file, with lback's manager."""

    path: Path
    sender: Sender
    manager: Any
    heard: list[tuple[str, dict[str, Any]]]

    def session(self) -> Any:
        from lback.models.database import DatabaseManager

        return DatabaseManager.get_instance().create_session()

    def call(self, name: str, *arguments: Any, commit: bool = True, **options: Any) -> Any:
        """Call the manager as a view does: commit the session, or roll it back if there is an exception."""
        session = self.session()
        try:
            result = getattr(self.manager, name)(session, *arguments, **options)
            if commit:
                session.commit()
        except BaseException:
            session.rollback()
            raise
        return result

    def names(self) -> list[str]:
        """Return the names of the signals that the application's receivers heard, and forget them."""
        names = [name for name, _ in self.heard]
        self.heard.clear()
        return names

    def events(self) -> list[tuple[str, str | None]]:
        """Return the name and the outcome of each event that is committed."""
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute("SELECT signal, outcome FROM lback_events ORDER BY seq").fetchall()


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash with bcrypt's least cost; the framework verifies any."""
    monkeypatch.setattr("lback_cli.security.passwords._FRAMEWORK_BCRYPT", {"ident": "2b", "rounds": 4})


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SQLite file with the framework's tables and two groups, adopted by lback."""
    from lback.models import adminuser, session, user  # noqa: F401 - they declare the tables
    from lback.models.database import DatabaseManager
    from lback.models.user import Group

    from lback_cli.database.engine import Database
    from lback_cli.database.schema import Schema
    from lback_cli.settings import DatabaseSettings

    path = tmp_path / "app.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(DatabaseManager, "_instance", None)
    logging.getLogger("lback").setLevel(logging.CRITICAL)
    manager = DatabaseManager.get_instance()
    manager.create_all_tables()
    opened = manager.create_session()
    opened.add_all([Group(name="basic_user"), Group(name="admin")])
    opened.commit()
    Schema(Database(DatabaseSettings(url=f"sqlite:///{path}"))).adopt()
    return path


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[..., Any]], None]:
    """Connect a receiver to the framework's dispatcher for the time of the test."""
    from lback.core.signals import dispatcher

    monkeypatch.setattr(dispatcher, "_registry", {name: list(found) for name, found in dispatcher._registry.items()})
    connect: Callable[..., None] = dispatcher.connect
    return connect


@pytest.fixture
def application(database: Path, connect: Callable[..., None]) -> Iterator[Application]:
    """An application whose receivers hear all 22 signals."""
    from lback.models.database import DatabaseManager
    from lback.utils.validation import PasswordValidator

    from lback_cli.compat.framework import UserManager
    from lback_cli.signals import CATALOGUE

    sender = Sender()
    heard: list[tuple[str, dict[str, Any]]] = []

    def receiver(name: str) -> Callable[..., None]:
        def receive(sender: Any, **arguments: Any) -> None:
            heard.append((name, {"sender": sender, **arguments}))

        return receive

    for name in CATALOGUE:
        connect(name, receiver(name))
    yield Application(database, sender, UserManager(sender, PasswordValidator()), heard)
    DatabaseManager.get_instance()._scoped_session.remove()
