"""The event log shows when a database was adopted and when its tables were upgraded."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from lback_cli.database.engine import Database
from lback_cli.database.migrations import migrate
from lback_cli.database.schema import REVISION, Schema
from lback_cli.managers.schema_events import SCHEMA_RECORDER
from lback_cli.repositories.snapshot import snapshot
from lback_cli.settings import DatabaseSettings

from .framework import Application


@pytest.fixture
def opened() -> Iterator[Callable[[str], Database]]:
    """Open databases, and close them at the end."""
    databases: list[Database] = []

    def open_database(url: str) -> Database:
        databases.append(Database(DatabaseSettings(url=url)))
        return databases[-1]

    yield open_database
    for database in databases:
        database.dispose()


def recorded(database: Database) -> list[tuple[int, str, dict[str, Any]]]:
    """Return the number, the name and the data of all events, which must verify."""
    with snapshot(database) as found:
        found.events.verify()
        rows = found.events.walk(("seq", "signal", "data"))
        return [(seq, signal, json.loads(data)) for seq, signal, data in rows]


def test_adoption_is_the_first_event(application: Application, opened: Callable[[str], Database]) -> None:
    database = opened(application.url)
    Schema(database, SCHEMA_RECORDER).adopt()
    Schema(database, SCHEMA_RECORDER).adopt()

    assert recorded(database) == [(1, "database_adopted", {"changes": {}, "revision": REVISION, "users": 4})]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_upgrade_is_recorded_with_both_versions(
    kind: str,
    tmp_path: Any,
    opened: Callable[[str], Database],
    database_on: Callable[[str], AbstractContextManager[str]],
) -> None:
    if kind == "sqlite":
        assert upgraded(opened(f"sqlite:///{tmp_path}/users.db")) == [
            (1, "schema_upgraded", {"changes": {}, "from": "0001", "to": REVISION})
        ]
        return
    with database_on(kind) as url:
        assert upgraded(opened(url)) == [(1, "schema_upgraded", {"changes": {}, "from": "0001", "to": REVISION})]


def upgraded(database: Database) -> list[tuple[int, str, dict[str, Any]]]:
    with database.engine.begin() as connection:
        migrate(connection, "0001")
    Schema(database, SCHEMA_RECORDER).upgrade()
    Schema(database, SCHEMA_RECORDER).upgrade()
    return recorded(database)


def test_new_tables_leave_no_event(opened: Callable[[str], Database], tmp_path: Any) -> None:
    database = opened(f"sqlite:///{tmp_path}/users.db")
    Schema(database, SCHEMA_RECORDER).initialize()
    assert recorded(database) == []
