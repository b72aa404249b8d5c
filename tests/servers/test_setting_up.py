"""Creating and migrating tables on a server: interrupted at any statement, and concurrently."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import make_url

from lback_cli.database import retry, schema
from lback_cli.database.engine import Database
from lback_cli.database.schema import REVISION, Schema
from lback_cli.errors import DatabaseError
from lback_cli.settings import DatabaseSettings
from tests.installed_command import in_one_line

from .conftest import SERVERS

DatabaseOn = Callable[[str], AbstractContextManager[str]]

PROGRAM = Path(__file__).with_name("setting_up.py")

LEFT = {
    "postgresql": {"init": {"empty"}, "adopt": {"foreign"}, "upgrade": {"older"}},
    "mariadb": {"init": {"incomplete"}, "adopt": {"incomplete"}, "upgrade": {"older"}},
}
"""The states that interrupted tasks leave."""


def program(*arguments: str) -> str:
    done = subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(params=SERVERS)
def url(request: pytest.FixtureRequest, database_on: DatabaseOn) -> Any:
    with database_on(request.param) as made:
        yield made


@pytest.mark.parametrize(("task", "changes"), [("init", 28), ("adopt", 18), ("upgrade", 15)])
def test_interrupted_task_is_continued_by_the_same_command(url: str, task: str, changes: int) -> None:
    # PostgreSQL keeps nothing, and init includes what the other tasks create, so test only that at every change.
    stride = 1 if "mariadb" in url and task == "init" else 6
    *cut, whole = map(json.loads, program(url, task, "sweep", str(stride)).splitlines())
    assert (whole["change"], whole["left"], whole["end"]) == (None, "current", "current")
    assert len(cut) * stride >= changes
    assert {line["left"] for line in cut} == LEFT[make_url(url).get_backend_name()][task]
    for line in cut:
        assert (line["tables"], line["end"]) == (whole["tables"], "current"), line["change"]
    if task == "adopt":
        assert "ix_users_auth_token" not in whole["tables"]["users"]


def state(name: str, found: str, revision: str | None) -> Any:
    return {"database": name, "backend": "mariadb", "state": found, "revision": revision, "needed": REVISION}


def test_partial_setup_is_reported_and_continued(lback: Any, mariadb_url: str) -> None:
    name = mariadb_url.partition("?")[0]
    options = ("--database-url", mariadb_url, "-o", "json")
    program(mariadb_url, "init", "cut", "3")
    for command in ("db status", "user list"):
        done = lback(*command.split(), *options)
        message = f"The database {name} was set up only in part."
        error = {"code": "schema_error", "message": message, "hint": "Run: lback db init"}
        assert (done.status, done.error) == (9, error), command
        assert done.out == "" or done.result == state(name, "incomplete", None)
    adopted = lback("db", "adopt", *options)
    message = f"The database {name} has no tables to adopt. Run: lback db init"
    assert (adopted.status, adopted.out, in_one_line(adopted.error)) == (9, "", message)
    done = lback("db", "init", *options)
    assert (done.status, done.result, done.err) == (0, state(name, "current", REVISION), f"{name} is ready.\n")


def test_interrupted_adoption_is_continued_by_adopt(lback: Any, mariadb_url: str) -> None:
    name = mariadb_url.partition("?")[0]
    options = ("--database-url", mariadb_url, "-o", "json")
    program(mariadb_url, "adopt", "cut", "2")
    done = lback("db", "init", *options)
    message = f"The database {name} was set up only in part. Run: lback db adopt"
    assert (done.status, done.out, in_one_line(done.error)) == (9, "", message)
    done = lback("db", "adopt", *options)
    assert (done.status, done.result) == (0, state(name, "current", REVISION))
    assert done.err.startswith(f"{name} is adopted.\n")
    assert [user["username"] for user in lback("user", "list", *options).result] == ["ann"]


def test_copy_accepts_a_partial_setup_as_target(lback: Any, mariadb_url: str) -> None:
    registered = lback(
        "user", "register", "ann", "--email", "a@example.org", "--password-stdin", input="a long one of 17 letters"
    )
    assert registered.status == 0, registered.err
    program(mariadb_url, "init", "cut", "17")
    done = lback("db", "copy", "--to", mariadb_url, "-q", "-o", "json")
    assert (done.status, done.err, done.result["users"], done.result["copied_before"]) == (0, "", 1, 0)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE users (id INTEGER PRIMARY KEY, name VARCHAR(20))"],
        ["CREATE TABLE userpermissions (id INTEGER PRIMARY KEY)"],
        ["CREATE TABLE lback_alembic_version (version_num VARCHAR(32))", "CREATE TABLE users (id INTEGER PRIMARY KEY)"],
    ],
)
def test_application_tables_are_not_continued(lback: Any, url: str, statements: list[str]) -> None:
    database = Database(DatabaseSettings(url=url))
    with database.session() as session:
        for statement in statements:
            session.execute(text(statement))
    done = lback("db", "init", "--database-url", url)
    assert (done.status, done.out, done.err) == (
        9,
        "",
        (
            f"error: The database {database.name} has an application's tables but none of lback's.\n"
            "       Choose another database.url; 'lback db status' shows why lback cannot adopt this one.\n"
        ),
    )
    database.dispose()


def test_concurrent_init_commands_all_succeed(lback: Any, url: str) -> None:
    name = Database(DatabaseSettings(url=url)).name
    processes = [lback.start("db", "init", "-o", "json", "--database-url", url) for _ in range(6)]
    results = [(*process.communicate(), process.returncode) for process in processes]
    assert [json.loads(out)["state"] for out, _, _ in results] == ["current"] * 6
    assert [status for _, _, status in results] == [0] * 6
    messages = sorted(err.decode() for _, err, _ in results)
    assert messages == [f"{name} already has its tables.\n"] * 5 + [f"{name} is ready.\n"]


def test_status_during_a_setup_shows_the_committed_state(url: str) -> None:
    database, other = (Database(DatabaseSettings(url=url)) for _ in range(2))
    held, go_on = threading.Event(), threading.Event()

    @event.listens_for(database.engine, "before_cursor_execute")
    def hold(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.split()[:3] == ["CREATE", "TABLE", "users"]:
            held.set()
            assert go_on.wait(30)

    with ThreadPoolExecutor(1) as pool:
        setting_up = pool.submit(Schema(database).initialize)
        try:
            assert held.wait(30)
            seen = [Schema(other).status().state]
        finally:
            go_on.set()
        while not setting_up.done():
            seen.append(Schema(other).status().state)
    assert setting_up.result().state == "empty"
    assert Schema(other).status().state == "current"
    assert seen[0] == ("incomplete" if "mariadb" in url else "empty")
    assert seen == sorted(seen, key=["empty", "incomplete", "current"].index)
    for opened in (database, other):
        opened.dispose()


LOCKS = {
    "postgresql": "SELECT pg_try_advisory_xact_lock(465507017579)",
    "mariadb": "SELECT GET_LOCK(CONCAT('lback ', SHA1(DATABASE())), 0)",
}


def test_failed_setup_releases_the_lock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # The table might be that of another process, so the setup is tried again.
    monkeypatch.setattr(retry, "MAX_ATTEMPTS_ON_CONFLICT", 2)
    database, other = (Database(DatabaseSettings(url=url)) for _ in range(2))
    with database.session() as session:
        session.execute(text("CREATE TABLE lback_tokens (id INTEGER)"))
    # MariaDB's partial setup is continued, but the other table of that name is not accepted.
    error = "lback_tokens exists, but not as lback creates it" if "mariadb" in url else "failed: "
    with pytest.raises(DatabaseError, match=error):
        Schema(database).initialize()
    with other.session() as session:
        assert session.execute(text(LOCKS[database.url.get_backend_name()])).scalar_one() == 1
    for opened in (database, other):
        opened.dispose()


def test_wait_for_another_migration_ends_on_mariadb(mariadb_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema, "MIGRATION_LOCK_TIMEOUT", 0)
    database, other = (Database(DatabaseSettings(url=mariadb_url)) for _ in range(2))
    with other.session() as session:
        assert session.execute(text(LOCKS["mariadb"])).scalar_one() == 1
        with pytest.raises(DatabaseError) as caught:
            Schema(database).initialize()
        assert caught.value.message == f"Another process is still migrating the database {database.name}."
    for opened in (database, other):
        opened.dispose()


@pytest.mark.parametrize("task", ["init", "upgrade"])
def test_processes_without_a_common_lock_set_up_together(url: str, task: str) -> None:
    """As on the nodes of a cluster, each of which has locks of its own."""
    alone, together = map(json.loads, program(url, task, "together", "4").splitlines())
    assert together == {"errors": [], "end": "current", "tables": alone["tables"]}
