"""The stage that every scenario plays on: a SQLite file with a known cast, and a directory for the mail."""

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

from .fixtures_data import CAST, EXPIRED, LEGACY_HASH, LIVE, NEW_PASSWORD, PASSWORD, PLANTED_TOKENS, USED, Person

if TYPE_CHECKING:
    from .scenario import Trap

Rows = dict[str, dict[str, Any]]

LIBRARY_COST = {"password.memory": 64, "password.iterations": 1, "password.parallelism": 1}
"""Real Argon2id, below what a configuration file may ask for."""

COMMAND_COST = {"password.memory": 19456, "password.iterations": 2, "password.parallelism": 1}
"""The least that a configuration may ask for."""

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
    """`Settings` from ``section.key`` names."""
    settings = Settings()
    for name, value in values.items():
        section, _, key = name.partition(".")
        settings = replace(settings, **{section: replace(getattr(settings, section), **{key: value})})
    return settings


def environment_of(values: Mapping[str, Any]) -> dict[str, str]:
    """The same as variables for an ``lback`` process."""
    return {f"LBACK_{name.replace('.', '_').upper()}": str(value) for name, value in values.items()}


@dataclass(frozen=True)
class Template:
    """A database file with the cast in it, to be copied; *now* is when they were put there."""

    path: Path
    now: datetime
    cost: Mapping[str, int]


def build_template(path: Path, cost: Mapping[str, int]) -> Template:
    """Make the file that stages start from: tables by the product's own migration, rows by its models."""
    values = {"database.url": f"sqlite:///{path}", **cost}
    settings = settings_of(values)
    database = Database(settings.database)
    Schema(database).initialize()
    now = fill(database, settings)
    with database.engine.connect() as connection:
        # Everything into the one file that is copied.
        connection.connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.dispose()
    return Template(path, now, cost)


def fill(database: Database, settings: Settings) -> datetime:
    """Put the cast into empty tables; when that was."""
    now = datetime.now(UTC)
    password_hash = PasswordHasher(settings.password).hash(PASSWORD)
    with database.session() as session:
        groups = {name: Group(name=name, created_at=now, updated_at=now) for name in ("admin", "basic_user", "staff")}
        session.add_all(groups.values())
        session.flush()
        for person in CAST:
            session.add(_row_of(person, groups, password_hash, now))
            session.flush()
        for planted in PLANTED_TOKENS:
            session.add(
                Token(
                    user_id=planted.user.id,
                    purpose=Purpose(planted.purpose),
                    digest=token_digest(planted.token),
                    email=planted.user.email,
                    created_at=now - timedelta(hours=3),
                    expires_at=now + timedelta(hours=-1 if planted.state is EXPIRED else 1),
                    used_at=now - timedelta(hours=2) if planted.state is USED else None,
                )
            )
            assert planted.state in {LIVE, USED, EXPIRED}
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
    """A mail that left: what it is for, to whom, and the token in it, if any."""

    kind: str
    recipient: str
    token: str | None


class Stage:
    """One copy of the template, with the *values* of its configuration."""

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
        """Execute *statement* as somebody else would, and commit."""
        with sqlite3.connect(self.path) as connection:
            connection.execute(statement)
        connection.close()

    @property
    def settings(self) -> Settings:
        return settings_of(self.values)

    def rows(self) -> Rows:
        """What is committed: every row of every table that an operation may touch, by its key."""
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
        """When the user last logged in, as it is stored."""
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)
        try:
            row = connection.execute("SELECT last_login FROM lback_accounts WHERE user_id = ?", (user_id,)).fetchone()
            return None if row is None else row[0]
        finally:
            connection.close()

    def mails(self) -> list[Mail]:
        """The mails that left, in the order of sending."""
        return [parsed_mail(path) for path in sorted((self.directory / "mail").glob("*.eml"))]

    def changes(self, before: Rows, *, since: datetime, until: datetime) -> Rows:
        """What differs from *before*: ``+key`` a new row, ``-key`` one that is gone, ``key`` the columns that changed.

        Moments, hashes and digests are replaced by what they mean; *since* and *until* enclose the operation.
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
    """Words for the values that differ from run to run."""

    def __init__(self, stage: Stage, since: datetime, until: datetime) -> None:
        self._since, self._until = since, until
        self._hasher = PasswordHasher(settings_of(stage._template.cost).password)
        self._digests = {token_digest(planted.token): planted.token.strip("-") for planted in PLANTED_TOKENS}
        self._digests |= {
            token_digest(mail.token): f"mailed to {mail.recipient}" for mail in stage.mails() if mail.token
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
