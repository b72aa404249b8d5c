"""What is asked for by name or path is found by that very text on every database."""

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
from lback_cli.repositories.user_repository import UserQuery
from lback_cli.text.times import utc_now

from .database import Place

LIKE = ("bob", "Bob", "Bób", "bob ", "BOB", "bob%", "b_b")
"""What MariaDB takes for the same, unless told otherwise, and what LIKE might."""

AS_BEFORE = tuple(
    f"ALTER TABLE {table} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
    for table in ("lback_events", "lback_import_jobs", "lback_mail_queue")
)


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mariadb", "mariadb as before"])
def place(
    request: pytest.FixtureRequest,
    database_on: Callable[[str], AbstractContextManager[str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Place]:
    """One on each, and one with tables as lback used to make them on MariaDB."""
    directory = tmp_path_factory.mktemp("exact")
    if request.param == "sqlite":
        made = Place(f"sqlite:///{directory}/users.db", directory).initialize()
        yield made
        made.close()
        return
    with database_on(request.param.split()[0]) as url:
        made = Place(url, directory).initialize()
        if "before" in request.param:
            for statement in AS_BEFORE:
                made.write(statement)
        yield made
        made.close()


LOOSE = {
    "sqlite": ["CREATE TEMPORARY TABLE anybody (name VARCHAR(64) COLLATE NOCASE)"],
    "postgresql": [
        "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
        "CREATE TEMPORARY TABLE anybody (name VARCHAR(64) COLLATE loose)",
    ],
    "mariadb": ["CREATE TEMPORARY TABLE anybody (name VARCHAR(64) COLLATE utf8mb4_general_ci)"],
}
"""Columns such as an application may have, that take other names for the same."""


def test_a_loose_column_is_compared_as_it_is(place: Place) -> None:
    name: ColumnClause[str] = column("name")
    anybody = table("anybody", name)
    with place.database.session() as session:
        for statement in LOOSE[place.database.engine.name]:
            session.execute(text(statement))
        session.execute(insert(anybody), [{"name": one} for one in LIKE])

        def found(condition: ColumnElement[Any]) -> list[str]:
            return list(session.scalars(select(name).where(condition)))

        assert len(found(name == "bob")) > 1, "the database does not compare loosely, so this proves nothing"
        for one in LIKE:
            assert found(binary_equal(name) == one) == [one]
        assert found(binary_position(name, "BO") > 0) == ["BOB"]
        session.rollback()


def test_events(place: Place) -> None:
    for name in LIKE:
        data = f'{{"username":"{name}"}}'
        record = EventRecord("user_deleted", "test", "0" * 32, None, None, name, data)
        with acting_as(name), place.database.session() as session:
            UnitOfWork(session).events.append([record])
    with place.database.reading() as session:
        events = UnitOfWork(session).events

        def found(**query: Any) -> list[str]:
            return [row["subject"] for row in events.select(EventQuery(**query))]

        for name in LIKE:
            assert found(actor=name) == found(subject=name) == found(naming=name) == [name]
        assert found(signal="user_deleted") == list(LIKE)
        assert found(signal="User_deleted") == found(signal="user_deleted ") == []


def test_imports(place: Place) -> None:
    with place.database.session() as session:
        for name in LIKE:
            values = {"path": f"/srv/{name}", "digest": "0" * 64, "options": name, "state": "running"}
            job = ImportJob(id=name.encode().hex(), started_at=utc_now(), updated_at=utc_now(), **values)
            ImportJobRepository(session).add(job)
    with place.database.reading() as session:
        for name in LIKE:
            job_found = ImportJobRepository(session).unfinished_of(f"/srv/{name}")
            assert job_found is not None
            assert job_found.options == name


def test_queued_mail(place: Place) -> None:
    with place.database.session() as session:
        for name in LIKE:
            values = {"key": "0" * 32, "template": "test", "user_id": 7, "details": "{}"}
            session.add(QueuedMail(recipient=f"{name}@example.org", queued_at=utc_now(), **values))
    with place.database.session() as session:
        UnitOfWork(session).mails.erase(None, ["bob@example.org", "nobody@example.org"])
    left = place.rows("SELECT recipient FROM lback_mail_queue ORDER BY id")
    assert left == [(f"{name}@example.org",) for name in LIKE if name != "bob"]


def test_members_of_a_group(place: Place) -> None:
    place.groups.create_group("staff")
    user = place.register("member", groups=["staff"])
    with place.database.reading() as session:
        users = UnitOfWork(session).users
        assert [one.id for one in users.select(UserQuery(group="staff"))] == [user.id]
        for other in ("staff ", "Staff", "stäff"):
            assert list(users.select(UserQuery(group=other))) == []
