"""A database in memory with its tables, and a transaction that is rolled back after the test."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.models import User
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.settings import DatabaseSettings


@pytest.fixture(scope="session")
def tables() -> Iterator[Database]:
    database = Database(DatabaseSettings(url="sqlite://"))
    Schema(database).ensure()
    yield database
    database.dispose()


@pytest.fixture
def work(tables: Database) -> Iterator[UnitOfWork]:
    with tables.session() as session:
        yield UnitOfWork(session)
        session.rollback()


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 3, 4, 15, 4, 5, tzinfo=UTC)


@pytest.fixture
def person(work: UnitOfWork, now: datetime) -> Callable[..., User]:
    """Insert a user: ``person(name, email=, **columns)``."""

    def insert(name: str, email: str | None = None, **columns: Any) -> User:
        user = User(
            username=name,
            email=email or f"{name}@example.org",
            password_hash="hash",
            created_at=now,
            updated_at=now,
            **columns,
        )
        work.users.add(user)
        return user

    return insert
