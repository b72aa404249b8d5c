"""Names and paths are found by exactly the same text on every database."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import ColumnClause, ColumnElement, column, insert, select, table, text

from lback_cli.events.actor import acting_as
from lback_cli.events.record import EventRecord
from lback_cli.models import ImportJob, QueuedMail
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.import_job_repository import ImportJobRepository
from lback_cli.repositories.sql_functions import binary_equal, binary_position
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_query import UserQuery
from lback_cli.text.times import utc_now

from .database import Installation

SIMILAR = ("bob", "Bob", "Bób", "bob ", "BOB", "bob%", "b_b")
"""Names that MariaDB's default collation treats as equal, and patterns of LIKE."""

OLD_COLLATION = tuple(
    f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    for table in ("lback_events", "lback_import_jobs", "lback_mail_queue")
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb", "mariadb, old collation"])
def installation(
    request: pytest.FixtureRequest,
    database_on: Callable[[str], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Installation]:
    """An installation on each database, and one on MariaDB with the collation of older versions of lback."""
    directory = tmp_path_factory.mktemp("exact")
    if request.param == "sqlite":
        made = Installation(f"sqlite:///{directory}/users.db", directory).initialize()
        yield made
        made.close()
        return
    with database_on(request.param.partition(",")[0]) as url:
        made = Installation(url, directory).initialize()
        if "old" in request.param:
            for statement in OLD_COLLATION:
                made.write(statement)
        yield made
        made.close()


CASE_INSENSITIVE = {
    "sqlite": ["CREATE TEMPORARY TABLE names (name VARCHAR(64) COLLATE NOCASE)"],
    "postgresql": [
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
        "CREATE TEMPORARY TABLE names (name VARCHAR(64) COLLATE loose)",
    ],
    "mariadb": ["CREATE TEMPORARY TABLE names (name VARCHAR(64) COLLATE utf8mb4_general_ci)"],
}
"""Columns that treat different names as equal, as an application may have them."""


def test_binary_functions_compare_exactly_in_a_case_insensitive_column(installation: Installation) -> None:
    name: ColumnClause[str] = column("name")
    names = table("names", name)
    with installation.database.session() as session:
        for statement in CASE_INSENSITIVE[installation.database.engine.name]:
            session.execute(text(statement))
        session.execute(insert(names), [{"name": one} for one in SIMILAR])

        def found(condition: ColumnElement[Any]) -> list[str]:
            return list(session.scalars(select(name).where(condition)))

        assert len(found(name == "bob")) > 1, "the column compares exactly, so the test proves nothing"
        for similar in SIMILAR:
            assert found(binary_equal(name) == similar) == [similar]
        assert found(binary_position(name, "BO") > 0) == ["BOB"]
        session.rollback()


def test_events_are_found_by_exact_names(installation: Installation) -> None:
    for name in SIMILAR:
        data = f'{{"username":"{name}"}}'
        record = EventRecord("user_deleted", "test", "0" * 32, None, None, name, data)
        with acting_as(name), installation.database.session() as session:
            UnitOfWork(session).events.append([record])
    with installation.database.reading() as session:
        events = UnitOfWork(session).events

        def found(**query: Any) -> list[str]:
            return [row["subject"] for row in events.select(EventQuery(**query))]

        for name in SIMILAR:
            assert found(actor=name) == found(subject=name) == found(naming=name) == [name]
        assert found(signals=["user_deleted"]) == list(SIMILAR)
        assert found(signals=["User_deleted"]) == found(signals=["user_deleted "]) == []


def test_imports_are_found_by_exact_paths(installation: Installation) -> None:
    with installation.database.session() as session:
        for name in SIMILAR:
            values = {"path": f"/srv/{name}", "digest": "0" * 64, "options": name, "state": "running"}
            job = ImportJob(id=name.encode().hex(), started_at=utc_now(), updated_at=utc_now(), **values)
            ImportJobRepository(session).add(job)
    with installation.database.reading() as session:
        for name in SIMILAR:
            job_found = ImportJobRepository(session).unfinished_of(f"/srv/{name}")
            assert job_found is not None
            assert job_found.options == name


def test_erasure_deletes_queued_mail_of_exact_addresses(installation: Installation) -> None:
    with installation.database.session() as session:
        for name in SIMILAR:
            values = {"key": "0" * 32, "template": "test", "user_id": 7, "details": "{}"}
            session.add(QueuedMail(recipient=f"{name}@example.org", queued_at=utc_now(), **values))
    with installation.database.session() as session:
        UnitOfWork(session).mails.erase(None, ["bob@example.org", "nobody@example.org"])
    left = installation.rows("SELECT recipient FROM lback_mail_queue ORDER BY id")
    assert left == [(f"{name}@example.org",) for name in SIMILAR if name != "bob"]


def test_members_are_found_by_exact_group_names(installation: Installation) -> None:
    installation.groups.create_group("staff")
    user = installation.register("member", groups=["staff"])
    with installation.database.reading() as session:
        users = UnitOfWork(session).users
        assert [member.id for member in users.select(UserQuery(groups=["staff"]))] == [user.id]
        for other in ("staff ", "Staff", "stäff"):
            assert list(users.select(UserQuery(groups=[other]))) == []
