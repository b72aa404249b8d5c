"""Imports that store many users with few statements: by COPY on PostgreSQL, and otherwise by INSERT."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from lback_cli.imports.importer import Importer
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.results import Counts, ImportResult
from tests.imports.harness import World, mixed_csv
from tests.services import Guest

from .conftest import SERVERS
from .database import Installation

DatabaseOn = Callable[[str], AbstractContextManager[str]]
HASH = "$2b$12$" + "a" * 21 + "u" + "b" * 30 + "u"
TABLES = {"users", "user_groups_association", "lback_events"}


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("chunk", [7, 1000])
def test_outcome_is_that_on_sqlite(server: str, chunk: int, database_on: DatabaseOn, tmp_path: Path) -> None:
    content = mixed_csv(300, seed=chunk, updates=0.02)
    options = ImportOptions(mail="none", if_exists="update")
    with database_on(server) as url:
        worlds = World(tmp_path / "sqlite"), World(tmp_path / "server", url)
        results = [world.run(world.write(content), options, chunk=chunk).counts for world in worlds]
        states = [world.state() for world in worlds]
        for world in worlds:
            world.close()
    assert results[0] == results[1]
    assert states[0] == states[1]


HOSTILE = (
    "back\\slash",
    "tab\there",
    "line\nbreak",
    "return\rhere",
    "\\N",
    "\\.",
    "50%s %(x)s",
    "it''s",
    '"',
    "emoji \U0001f600",
)


@pytest.mark.parametrize("server", SERVERS)
def test_any_text_is_recorded_as_on_sqlite(server: str, database_on: DatabaseOn, tmp_path: Path) -> None:
    """The event of a refused row has the name as it is in the file."""
    lines = [json.dumps({"username": name, "email": f"{name}@example.org"}) for name in ("ann", "bob", *HOSTILE)]
    with database_on(server) as url:
        worlds = World(tmp_path / "sqlite"), World(tmp_path / "server", url)
        for world in worlds:
            world.run(world.write("\n".join(lines), "users.jsonl"), ImportOptions(mail="none", format="jsonl"))
        states = [world.state() for world in worlds]
        for world in worlds:
            world.close()
    assert [subject for *_, subject, _ in states[0][1] if subject in HOSTILE] == list(HOSTILE)
    assert states[0] == states[1]


@pytest.fixture
def on_postgresql(postgresql_url: str, tmp_path: Path) -> Iterator[Installation]:
    with closing(Installation(postgresql_url, tmp_path)) as made:
        yield made.initialize()


def run(installation: Installation, *names: str) -> ImportResult:
    path = installation.directory / f"{names[0]}.csv"
    lines = [f"{name},{name}@example.org,{HASH},true\n" for name in names]
    path.write_text("username,email,password_hash,is_email_verified\n" + "".join(lines))
    return Importer(installation.database, installation.services, installation.users).run(str(path), ImportOptions())


@contextmanager
def copied_tables(installation: Installation) -> Iterator[set[str]]:
    """Record the tables that rows are copied to."""
    tables: set[str] = set()

    def note(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        if statement.startswith("COPY "):
            tables.add(statement.split()[1])

    event.listen(installation.database.engine, "before_cursor_execute", note)
    yield tables
    event.remove(installation.database.engine, "before_cursor_execute", note)


def check_complete(installation: Installation, *names: str) -> None:
    ids = dict(installation.rows("SELECT username, id FROM users"))
    assert sorted(ids) == sorted(names)
    members = installation.rows("SELECT user_id FROM user_groups_association ORDER BY 1")
    assert members == sorted((user_id,) for user_id in ids.values())
    events = installation.rows("SELECT subject, subject_id FROM lback_events WHERE signal = 'user_registered'")
    assert sorted(events) == sorted(ids.items())
    installation.events.verify()


def test_rows_are_copied(on_postgresql: Installation) -> None:
    on_postgresql.register("zoe")
    with copied_tables(on_postgresql) as tables:
        assert run(on_postgresql, "ann", "bob", "cy").counts == Counts(created=3)
    assert tables == TABLES
    check_complete(on_postgresql, "zoe", "ann", "bob", "cy")
    on_postgresql.register("dee")  # the sequence goes on after the copied ids


def test_taken_name_refuses_its_row_alone(on_postgresql: Installation) -> None:
    on_postgresql.register("bob")
    assert run(on_postgresql, "ann", "bob", "cy").counts == Counts(created=2, failed=1)
    check_complete(on_postgresql, "ann", "bob", "cy")


def test_rows_are_inserted_where_row_security_is_on(
    on_postgresql: Installation, guest_on: Callable[[str], AbstractContextManager[Guest]]
) -> None:
    """COPY into such a table is an error, even where its policies allow every row."""
    on_postgresql.register("zoe")
    with guest_on(on_postgresql.url) as guest:
        guest.grant("ALL", "ALL TABLES IN SCHEMA public", "ALL SEQUENCES IN SCHEMA public")
        guest.execute("ALTER TABLE users ENABLE ROW LEVEL SECURITY", "CREATE POLICY all_rows ON users USING (true)")
        with closing(on_postgresql.reopen(guest.url)) as client, copied_tables(client) as tables:
            assert run(client, "ann", "bob").counts == Counts(created=2)
    assert tables == TABLES - {"users"}
    check_complete(on_postgresql, "zoe", "ann", "bob")


def test_rule_of_the_application_is_kept(on_postgresql: Installation) -> None:
    """COPY ignores rules."""
    on_postgresql.register("zoe")
    on_postgresql.write("CREATE TABLE seen (name text)")
    on_postgresql.write("CREATE RULE see AS ON INSERT TO users DO ALSO INSERT INTO seen VALUES (new.username)")
    assert run(on_postgresql, "ann", "bob").counts == Counts(created=2)
    assert on_postgresql.rows("SELECT name FROM seen ORDER BY name") == [("ann",), ("bob",)]
    check_complete(on_postgresql, "zoe", "ann", "bob")


def test_database_chooses_ids_that_no_sequence_belongs_to(on_postgresql: Installation) -> None:
    on_postgresql.register("zoe")
    on_postgresql.write("ALTER SEQUENCE users_id_seq OWNED BY NONE")
    with copied_tables(on_postgresql) as tables:
        assert run(on_postgresql, "ann", "bob").counts == Counts(created=2)
    assert tables == TABLES
    check_complete(on_postgresql, "zoe", "ann", "bob")
