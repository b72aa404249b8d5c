"""A database with its managers, and random operations on it."""

import contextlib
import random
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import LbackError, OperationRejected
from lback_cli.events.export import event_view
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import Group, Purpose, User
from lback_cli.models.tables import EVENTS
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.security.tokens import token_digest
from lback_cli.settings import Settings
from lback_cli.settings.schema import DatabaseSettings, EmailSettings, PasswordSettings
from lback_cli.text.times import utc_now

PASSWORD = "purple giraffes yodel at dusk"
NEW_PASSWORD = "umbrella tangent violin quarry"

CHEAP = PasswordSettings(memory=64, iterations=1, parallelism=1)
DEARER = PasswordSettings(memory=128, iterations=1, parallelism=1)
"""Real Argon2id, cheaper than a configuration file may ask for."""


def settings_for(url: str, directory: Path, password: PasswordSettings = CHEAP) -> Settings:
    """Return the settings of an `Installation` at *url*, which writes its mail below *directory*."""
    return replace(
        Settings(),
        database=DatabaseSettings(url=url, busy_timeout=60.0),
        email=EmailSettings(directory=directory / "mail"),
        password=password,
    )


class Installation:
    """The managers on a database that has its tables."""

    def __init__(self, url: str, directory: Path, password: PasswordSettings = CHEAP) -> None:
        self.directory = directory
        self.settings = settings_for(url, directory, password)
        self.database = Database(self.settings.database)
        services = Dependencies(self.settings, data_directory=directory)
        self.users = UserManager(self.database, services)
        self.groups = GroupManager(self.database, services)
        self.log = EventLog(self.database, services)

    @classmethod
    def on_copy(cls, template: Path, directory: Path, password: PasswordSettings = CHEAP) -> "Installation":
        """Return an installation on a copy of the SQLite file *template* in *directory*."""
        directory.mkdir(parents=True, exist_ok=True)
        shutil.copy(template, directory / "lback.db")
        return cls(f"sqlite:///{directory}/lback.db", directory, password)

    @classmethod
    def at(cls, url: str, directory: Path) -> "Installation":
        """Create the tables at *url* and return an installation."""
        installation = cls(url, directory)
        Schema(installation.database).initialize()
        # Otherwise the first registration would leave an event of the group too.
        with installation.database.session() as session:
            session.add(Group(name="basic_user", created_at=utc_now(), updated_at=utc_now()))
        return installation

    @property
    def path(self) -> Path:
        assert self.database.path is not None
        return self.database.path

    def rows(self) -> list[dict[str, Any]]:
        """Return every event as it is stored."""
        with self.database.reading() as session:
            return [dict(row) for row in session.execute(select(EVENTS).order_by("seq")).mappings()]

    def export(self) -> list[dict[str, Any]]:
        """Return every event as it is exported."""
        with self.log.select(EventQuery()) as events:
            return [event_view(row) for row in events]

    def register(self, name: str, **options: Any) -> User:
        options = {"verified": True, **options}
        email = options.pop("email", f"{name}@example.org")
        user: User = self.users.register_user(name, email, PASSWORD, **options)
        return user

    def token(self) -> str:
        """Return the token in the newest mail that has one."""
        mails = sorted((self.directory / "mail").glob("*.eml"))
        found = [re.search(rb"token=(?:3D)?([\w-]{43})", mail.read_bytes()) for mail in mails]
        return next(match[1] for match in reversed(found) if match).decode()

    def checkpoint_and_close(self) -> None:
        """Move everything into the one file that can be copied, and close all connections."""
        with self.database.engine.connect() as connection:
            connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.database.dispose()


def new_database_file(path: Path) -> Path:
    """Create a SQLite file with empty tables."""
    installation = Installation.at(f"sqlite:///{path}", path.parent)
    installation.checkpoint_and_close()
    return path


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a receiver."""


@contextlib.contextmanager
def receiving(signal: Any, raised: BaseException | None) -> Iterator[None]:
    """Connect a receiver of *signal* that raises *raised*."""

    def receiver(_sender: Any, **_arguments: Any) -> None:
        if raised is not None:
            raise raised

    with signal.connected_to(receiver):
        yield


def break_the_commit(_sender: Any, session: Session, **_arguments: Any) -> None:
    """A receiver whose changes the database rejects at the commit."""
    session.execute(text("PRAGMA defer_foreign_keys = ON"))
    session.execute(text("INSERT INTO user_groups_association (user_id, group_id) VALUES (123456, 123456)"))


NAMES = ("alice", "bob", "carol", "dave", "erin", "zoë")
"""User names; the last is invalid."""


class RandomOperations:
    """Random operations of every kind and outcome, which the *seed* determines.

    `operations` counts the operations. Each should leave one event.
    """

    def __init__(self, installation: Installation, seed: int) -> None:
        self.installation = installation
        self.random = random.Random(seed)
        self.operations = 0

    def step(self) -> str:
        """Run a random action and return its name."""
        name = self.random.choice(sorted(ACTIONS))
        with contextlib.suppress(LbackError, Interrupted):
            ACTIONS[name](self)
        return name

    def run(self, operation: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        self.operations += 1
        return operation(*arguments, **options)

    def user_id(self) -> int:
        """Return the id of a user, or an unknown id."""
        with self.installation.database.reading() as session:
            ids = list(session.scalars(select(User.id)))
        return self.random.choice([*ids, 99])

    def name(self) -> str:
        return self.random.choice(NAMES)

    def password(self) -> str:
        return self.random.choice([PASSWORD, PASSWORD, NEW_PASSWORD, "short"])

    # One method for each action

    def register(self) -> None:
        name = self.name()
        self.run(
            self.installation.users.register_user,
            name,
            self.random.choice([f"{name}@example.org", f"{name}@example.net", "nowhere"]),
            self.password(),
            verified=self.random.random() < 0.5,
            groups=self.random.choice([(), (), ("missing",)]),
        )

    def authenticate(self) -> None:
        login = self.random.choice([self.name(), f"{self.name()}@example.org", "\ud800\0"])
        self.run(self.installation.users.authenticate_user, login, self.password())

    def verify(self) -> None:
        self.run(self.installation.users.verify_user_email, self._token("verify_email"))

    def update(self) -> None:
        name = self.name()
        changes = self.random.choice(
            [
                {"username": name},
                {"email": f"{name}@example.com"},
                {"password": self.password()},
                {"is_active": False},
                {"is_active": True, "is_email_verified": True},
                {"add_groups": ["basic_user"]},
                {"\U0001f600\uffff": 1, "shoe_size": 44, "\x00": [1.5, {"a": None}, 2**70]},
            ]
        )
        self.run(self.installation.users.update_user, self.user_id(), changes)

    def delete(self) -> None:
        self.run(self.installation.users.delete_user, self.user_id())

    def request(self) -> None:
        self.run(self.installation.users.reset_password_request, f"{self.name()}@example.org")

    def reset(self) -> None:
        self.run(self.installation.users.reset_password, self._token("reset_password"), self.password())

    def reset_user(self) -> None:
        self.run(self.installation.users.reset_user_password, self.user_id(), self.password())

    def resend(self) -> None:
        self.run(self.installation.users.resend_verification, self.user_id())

    def veto(self) -> None:
        signal = self.random.choice([signals.user_registration_started, signals.user_registered])
        with receiving(signal, OperationRejected("not today")):
            self.register()

    def crash(self) -> None:
        signal = self.random.choice([signals.user_pre_register, signals.user_registered, signals.user_updated])
        with receiving(signal, RuntimeError("a receiver's own trouble")):
            self.random.choice([self.register, self.update])()

    def interrupt(self) -> None:
        signal = self.random.choice(
            [signals.user_registered, signals.user_deleted, signals.user_authentication_started]
        )
        with receiving(signal, Interrupted()):
            self.random.choice([self.register, self.delete, self.authenticate])()

    def join(self) -> None:
        """Run several operations in a session of the caller, which is committed or rolled back."""
        before = self.operations
        keep = self.random.random() < 0.5
        with Session(self.installation.database.engine) as session:
            for _ in range(self.random.randint(1, 3)):
                with contextlib.suppress(LbackError):
                    self.run(self.installation.users.authenticate_user, self.name(), PASSWORD, session=session)
                with contextlib.suppress(LbackError):
                    self.run(self.installation.users.update_user, self.user_id(), {"is_active": True}, session=session)
            if keep:
                session.commit()
            else:
                self.operations = before

    def commit(self) -> None:
        """Register a user, but let the commit fail."""
        with signals.user_registered.connected_to(break_the_commit):
            self.register()

    def erase(self) -> None:
        identifier = self.random.choice([self.name(), f"id:{self.user_id()}"])
        before = self._users()
        self.installation.log.erase_user(identifier, self.installation.users)
        # If there was a user, the deletion was an operation too.
        self.operations += 1 + before - self._users()

    def _users(self) -> int:
        with self.installation.database.reading() as session:
            return len(session.scalars(select(User.id)).all())

    def _token(self, purpose: str) -> str:
        """Return a token that is valid, expired or unknown."""
        token = f"{self.random.getrandbits(200):x}".ljust(43, "-")
        with self.installation.database.session() as session:
            user = session.get(User, self.user_id())
            if user is not None and self.random.random() < 0.8:
                now = utc_now()
                UnitOfWork(session).tokens.issue(
                    user,
                    Purpose(purpose),
                    token_digest(token),
                    now=now,
                    expires_at=now.replace(year=now.year + self.random.choice([-1, 1, 1])),
                )
        return token


ACTIONS: dict[str, Callable[[RandomOperations], None]] = {
    "register": RandomOperations.register,
    "authenticate": RandomOperations.authenticate,
    "verify": RandomOperations.verify,
    "update": RandomOperations.update,
    "delete": RandomOperations.delete,
    "request": RandomOperations.request,
    "reset": RandomOperations.reset,
    "reset_user": RandomOperations.reset_user,
    "resend": RandomOperations.resend,
    "veto": RandomOperations.veto,
    "crash": RandomOperations.crash,
    "interrupt": RandomOperations.interrupt,
    "join": RandomOperations.join,
    "commit": RandomOperations.commit,
    "erase": RandomOperations.erase,
}
"""The actions by name."""


def register_unverified(installation: Installation) -> None:
    """Register alice, whose address is not verified."""
    installation.register("alice", verified=False)


def request_reset(installation: Installation) -> None:
    """Register alice, and request a password reset for her."""
    installation.register("alice")
    installation.users.reset_password_request("alice@example.org")
