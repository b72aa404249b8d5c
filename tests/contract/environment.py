"""The installation that a scenario runs in: a SQLite file with known users, and a directory for the mail."""

import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.models import Group, Purpose, Token, User
from lback_cli.security.passwords import PasswordHasher
from lback_cli.security.tokens import token_digest
from lback_cli.settings import Settings

from .fixtures_data import (
    EXPIRED,
    INITIAL_USERS,
    LEGACY_HASH,
    LIVE,
    NEW_PASSWORD,
    PASSWORD,
    STORED_TOKENS,
    USED,
    Person,
)

if TYPE_CHECKING:
    from .scenario import Trap

Rows = dict[str, dict[str, Any]]

LIBRARY_COST = {"password.memory": 64, "password.iterations": 1, "password.parallelism": 1}
"""Argon2id with a cost below the minimum of a configuration file."""

COMMAND_COST = {"password.memory": 19456, "password.iterations": 2, "password.parallelism": 1}
"""The minimum cost that a configuration file may set."""

_TABLES = {
    "users": ("id",),
    "groups": ("name",),
    "user_groups_association": ("user_id", "group_id"),
    "lback_tokens": ("digest",),
}
_LIFETIMES = {"now": timedelta(0), "now + 1 h": timedelta(hours=1), "now + 24 h": timedelta(hours=24)}
_SUBJECTS = {
    "Confirm your e-mail address for": "verify_email",
    "Choose a new password for": "reset_password",
    "Your password at": "password_changed",
    "Your e-mail address at": "email_changed",
}


def settings_of(values: Mapping[str, Any]) -> Settings:
    """Return `Settings` made from ``section.key`` names."""
    settings = Settings()
    for name, value in values.items():
        section, _, key = name.partition(".")
        settings = replace(settings, **{section: replace(getattr(settings, section), **{key: value})})
    return settings


def environment_of(values: Mapping[str, Any]) -> dict[str, str]:
    """Return the same settings as variables of an ``lback`` process."""
    return {f"LBACK_{name.replace('.', '_').upper()}": str(value) for name, value in values.items()}


@dataclass(frozen=True)
class Template:
    """A database file with the initial rows, which is copied; *now* is the time of the rows."""

    path: Path
    now: datetime
    cost: Mapping[str, int]


def build_template(path: Path, cost: Mapping[str, int]) -> Template:
    """Create the database file that installations copy, with the migrations and the models of lback."""
    values = {"database.url": f"sqlite:///{path}", **cost}
    settings = settings_of(values)
    database = Database(settings.database)
    Schema(database).initialize()
    now = fill(database, settings)
    with database.engine.connect() as connection:
        # Only this file is copied, so it must contain the write-ahead log.
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return Template(path, now, cost)


def fill(database: Database, settings: Settings) -> datetime:
    """Insert the initial rows into empty tables, and return their time."""
    now = datetime.now(UTC)
    password_hash = PasswordHasher(settings.password).hash(PASSWORD)
    with database.session() as session:
        groups = {name: Group(name=name, created_at=now, updated_at=now) for name in ("admin", "basic_user", "staff")}
        session.add_all(groups.values())
        session.flush()
        for person in INITIAL_USERS:
            session.add(_row_of(person, groups, password_hash, now))
            session.flush()
        for stored in STORED_TOKENS:
            session.add(
                Token(
                    user_id=stored.user.id,
                    purpose=Purpose(stored.purpose),
                    digest=token_digest(stored.token),
                    email=stored.user.email,
                    created_at=now - timedelta(hours=3),
                    expires_at=now + timedelta(hours=-1 if stored.state is EXPIRED else 1),
                    used_at=now - timedelta(hours=2) if stored.state is USED else None,
                )
            )
            assert stored.state in {LIVE, USED, EXPIRED}
    return now


def _row_of(person: Person, groups: Mapping[str, Group], password_hash: str, now: datetime) -> User:
    return User(
        id=person.id,
        username=person.username,
        email=person.email,
        password_hash=LEGACY_HASH if person.legacy else password_hash,
        is_active=person.active,
        is_email_verified=person.verified,
        created_at=now - timedelta(days=1),
        updated_at=now - timedelta(days=1),
        groups=[groups[name] for name in person.groups],
    )


@dataclass(frozen=True)
class Mail:
    """A sent mail: its kind, its recipient, and its token, if it has one."""

    kind: str
    recipient: str
    token: str | None


class Installation:
    """A copy of the template with a configuration of *values*."""

    def __init__(
        self, directory: Path, template: Template, values: Mapping[str, Any], statements: Sequence["str | Trap"]
    ) -> None:
        self.directory = directory
        self.now = template.now
        self.path = directory / "lback.db"
        self.values: dict[str, Any] = {
            "database.url": f"sqlite:///{self.path}",
            "email.directory": directory / "mail",
            **template.cost,
            **values,
        }
        self._template = template
        self._prepare()
        for statement in statements:
            for part in [statement] if isinstance(statement, str) else statement.statements(self.backend):
                self.write(part)

    backend = "sqlite"

    def _prepare(self) -> None:
        shutil.copy(self._template.path, self.path)

    def write(self, statement: str) -> None:
        """Execute *statement* on another connection, and commit."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(statement)
        connection.close()

    @property
    def settings(self) -> Settings:
        return settings_of(self.values)

    def rows(self) -> Rows:
        """Return every committed row of the tables that an operation may change, by its key."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return {
                " ".join([table, *(str(row[name]) for name in key)]): dict(row)
                for table, key in _TABLES.items()
                for row in connection.execute(f"SELECT * FROM {table}")
            }
        finally:
            connection.close()

    def last_login(self, user_id: int) -> str | None:
        """Return the stored time of the last login."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            row = connection.execute("SELECT last_login FROM lback_accounts WHERE user_id = ?", (user_id,)).fetchone()
            return None if row is None else row[0]
        finally:
            connection.close()

    def mails(self) -> list[Mail]:
        """Return the sent mails, oldest first."""
        return [parsed_mail(path) for path in sorted((self.directory / "mail").glob("*.eml"))]

    def changes(self, before: Rows, *, since: datetime, until: datetime) -> Rows:
        """Return the differences from *before*: ``+key`` a new row, ``-key`` a deleted row, ``key`` changed columns.

        Times, hashes and digests are replaced by descriptions. The operation ran between *since* and *until*.
        """
        after = self.rows()
        meaning = _Meaning(self, since, until)
        changes: Rows = {}
        for key in before.keys() | after.keys():
            old, new = before.get(key), after.get(key)
            if new is None:
                changes[f"-{meaning.key(key)}"] = {}
            elif old is None:
                changes[f"+{meaning.key(key)}"] = meaning.columns(new)
            elif old != new:
                changed = {name: value for name, value in new.items() if value != old[name]}
                changes[meaning.key(key)] = meaning.columns(changed)
        return changes


class _Meaning:
    """Descriptions of values that differ in each run."""

    def __init__(self, installation: Installation, since: datetime, until: datetime) -> None:
        self._since, self._until = since, until
        self._hasher = PasswordHasher(settings_of(installation._template.cost).password)
        self._digests = {token_digest(stored.token): stored.token.strip("-") for stored in STORED_TOKENS}
        self._digests |= {
            token_digest(mail.token): f"mailed to {mail.recipient}" for mail in installation.mails() if mail.token
        }

    def key(self, key: str) -> str:
        table, _, name = key.partition(" ")
        return f"{table} {self._digests.get(name, 'never shown') if table == 'lback_tokens' else name}"

    def columns(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(name, value) for name, value in row.items() if name != "digest"}

    def _value(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name.endswith("_at"):
            return self._moment(datetime.fromisoformat(value).replace(tzinfo=UTC))
        if name == "password":
            return self._password(value)
        return value

    def _moment(self, moment: datetime) -> str:
        for words, lifetime in _LIFETIMES.items():
            if self._since + lifetime <= moment <= self._until + lifetime:
                return words
        return str(moment)

    def _password(self, stored: str) -> str:
        for words, password in (("hash of PASSWORD", PASSWORD), ("hash of NEW_PASSWORD", NEW_PASSWORD)):
            checked = self._hasher.verify(password, stored)
            if checked.accepted and checked.replacement is None:
                return words
        return stored


def parsed_mail(path: Path) -> Mail:
    message = BytesParser(policy=default).parsebytes(path.read_bytes())
    kind = next(kind for subject, kind in _SUBJECTS.items() if str(message["Subject"]).startswith(subject))
    body = message.get_body(("plain",))
    assert body is not None
    _, found, rest = body.get_content().partition("token=")
    return Mail(kind, str(message["To"]), rest.split()[0] if found else None)
