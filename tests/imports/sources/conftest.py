"""A database to import accounts of other systems into, and the files of the real tools (make_fixtures.py)."""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import AuthenticationFailed, LbackError
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.registry import find_source
from lback_cli.managers.bulk_registration import BulkRegistration
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.registration import NewUser
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.settings import Settings


@dataclass(frozen=True)
class Target:
    """A database to import accounts into, with cheap Argon2."""

    database: Database
    services: Dependencies
    users: UserManager

    def import_rows(self, rows: Iterable[ImportRow]) -> dict[str, str]:
        """Register the users of *rows*; return by user name ``created`` or the error."""
        bulk = BulkRegistration(self.database, self.users, self.services)
        rows = list(rows)
        outcomes = {row.username: row.error.message for row in rows if row.error is not None}
        prepared = [bulk.prepare(_new_user(row)) for row in rows if row.error is None]
        bulk.hash_passwords(user for user in prepared if user.needs_hash)
        with self.database.session() as session:
            registered = bulk.register(UnitOfWork(session), prepared)
        for one, outcome in zip(prepared, registered, strict=True):
            outcomes[one.new.username] = outcome.message if isinstance(outcome, LbackError) else "created"
        return outcomes

    def login(self, username: str, password: str) -> str:
        """Log in; return ``accepted`` or the reason of the failure."""
        try:
            self.users.authenticate_user(username, password, allow_unverified=True)
        except AuthenticationFailed as error:
            return error.error_type
        return "accepted"

    def stored(self, username: str) -> str:
        """Return the stored hash of *username*."""
        with self.database.reading() as session:
            user = UnitOfWork(session).users.find_by_username(username)
            assert user is not None
            return user.password_hash


def _new_user(row: ImportRow) -> NewUser:
    return NewUser(
        username=row.username,
        email=row.email,
        password=row.password,
        password_hash=row.password_hash,
        groups=row.groups or (),
        is_active=row.is_active is not False,
        is_email_verified=row.is_email_verified or False,
        mail="none",
    )


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Target]:
    settings = Settings()
    settings = replace(
        settings,
        database=replace(settings.database, url=f"sqlite:///{tmp_path / 'lback.db'}"),
        password=replace(settings.password, memory=64, iterations=1, parallelism=1),
    )
    database = Database(settings.database)
    Schema(database).initialize()
    services = Dependencies(settings, data_directory=tmp_path)
    yield Target(database, services, UserManager(database, services))
    database.dispose()


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Return the directory of the fixtures."""
    return Path(__file__).parent / "fixtures"


@pytest.fixture(scope="session")
def old_password() -> str:
    """Return the password in all fixtures except for DES."""
    return "Grüße aus dem alten System 7"


@pytest.fixture
def read_text() -> Callable[..., list[ImportRow]]:
    """Read text, or bytes, as a source: ``read_text("django", "[]", email_domain=)``."""

    def read(source: str, text: str | bytes, **options: Any) -> list[ImportRow]:
        raw = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        return list(find_source(source)(**options).read(io.BytesIO(raw)))

    return read
