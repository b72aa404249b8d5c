"""The state of the tables, their creation and their migration on SQLite."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Boolean, DateTime, Integer, String, Text, event, inspect

from lback_cli.database.engine import Database
from lback_cli.database.migrations import alembic_config
from lback_cli.database.schema import COPYING_PREFIX, REVISION, VERSION_TABLE, Schema, SchemaStatus, State
from lback_cli.errors import DatabaseError, SchemaError
from lback_cli.models.tables import METADATA

Connect = Callable[..., Database]

LBACK_TABLES = {
    *("users", "groups", "userpermissions", "user_groups_association", "group_permissions_association"),
    *("lback_tokens", "lback_events", "lback_event_head", "lback_import_jobs", VERSION_TABLE),
    *(
        "lback_sinks",
        "lback_dead_letters",
        "lback_mail_queue",
        "lback_user_attributes",
        "lback_accounts",
        "lback_deleted_users",
        "lback_secrets",
        "lback_owned",
    ),
}


def tables(path: Path) -> set[str]:
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        names = {name for (name,) in found}
    connection.close()
    return names


# The states


def create_missing(_path: Path) -> None:
    pass


def create_empty(path: Path) -> None:
    path.touch()


def create_foreign(path: Path) -> None:
    execute(path, "CREATE TABLE users (id INTEGER PRIMARY KEY)")


def create_current(path: Path) -> None:
    database = Database(url_settings(path))
    Schema(database).initialize()
    database.dispose()


def create_copying(path: Path) -> None:
    create_current(path)
    execute(path, f"UPDATE {VERSION_TABLE} SET version_num = '{COPYING_PREFIX}{REVISION}'")


def create_older(path: Path) -> None:
    create_current(path)
    execute(path, f"UPDATE {VERSION_TABLE} SET version_num = '0000'")


def create_newer(path: Path) -> None:
    create_current(path)
    execute(path, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")


def execute(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(statement)
    connection.close()


def url_settings(path: Path) -> Any:
    from lback_cli.settings import DatabaseSettings

    return DatabaseSettings(url=f"sqlite:///{path}")


STATES: dict[State, tuple[Callable[[Path], None], str | None, str | None, str | None]] = {
    "missing": (create_missing, None, "does not exist.", "Run: lback db init"),
    "empty": (create_empty, None, "has no tables yet.", "Run: lback db init"),
    "foreign": (
        create_foreign,
        None,
        "has an application's tables but none of lback's.",
        "Choose another database.url; 'lback db status' shows why lback cannot adopt this one.",
    ),
    "copying": (
        create_copying,
        f"{COPYING_PREFIX}{REVISION}",
        "is the target of an unfinished copy.",
        "Run 'lback db copy' again.",
    ),
    "older": (
        create_older,
        "0000",
        f"has older tables than this lback needs (0000 < {REVISION}).",
        "Run: lback db upgrade",
    ),
    "current": (create_current, REVISION, None, None),
    "newer": (create_newer, "9999", f"was set up by a newer lback (9999 > {REVISION}).", "Upgrade lback-cli."),
}
"""How a test produces each state, its revision, and the message and the hint of the error."""


@pytest.mark.parametrize("state", STATES)
def test_status_returns_each_state_and_changes_nothing(connect: Connect, state: State) -> None:
    database = connect()
    assert database.path is not None
    create, revision, _, _ = STATES[state]
    create(database.path)
    before = database.path.read_bytes() if database.path.exists() else None
    assert Schema(database).status() == SchemaStatus(state, revision, REVISION)
    database.dispose()
    assert (database.path.read_bytes() if database.path.exists() else None) == before


def test_status_of_a_locked_file_connects_once(connect: Connect, tmp_path: Path) -> None:
    create_foreign(tmp_path / "users.db")
    database = connect(busy_timeout=0.05)
    attempts: list[object] = []
    event.listen(database.engine, "do_connect", lambda *arguments: attempts.append(arguments))
    with closing(sqlite3.connect(tmp_path / "users.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(DatabaseError) as caught:
            Schema(database).status()
    assert caught.value.message == f"The database {tmp_path}/users.db is locked by another process."
    assert len(attempts) == 1


ACCEPTED = {
    "require": {"current"},
    "ensure": {"current"},
    "initialize": {"missing", "empty", "current"},
    "upgrade": {"missing", "empty", "older", "current"},
}


@pytest.mark.parametrize(
    ("method", "state", "accepted"),
    [
        (method, state, state in accepted)
        for method, accepted in ACCEPTED.items()
        for state in STATES
        if (method, state) != ("upgrade", "older")  # no revision comes before the first
    ],
)
def test_database_in_another_state_is_refused_with_a_hint_and_left_unchanged(
    connect: Connect, method: str, state: State, accepted: bool
) -> None:
    database = connect()
    assert database.path is not None
    create, revision, message, hint = STATES[state]
    create(database.path)
    before = tables(database.path) if database.path.exists() else None
    if accepted:
        getattr(Schema(database), method)()
        assert Schema(database).status().state == "current"
        return
    with pytest.raises(SchemaError) as caught:
        getattr(Schema(database), method)()
    assert (caught.value.message, caught.value.hint) == (f"The database {database.path} {message}", hint)
    assert Schema(database).status() == SchemaStatus(state, revision, REVISION)
    assert (tables(database.path) if database.path.exists() else None) == before


def test_unknown_revision_is_refused_and_left_unchanged(connect: Connect) -> None:
    database = connect()
    assert database.path is not None
    create_older(database.path)
    with pytest.raises(SchemaError) as caught:
        Schema(database).upgrade()
    assert caught.value.message == (
        f"The database {database.path} cannot be migrated: Can't locate revision identified by '0000'."
    )
    assert Schema(database).status() == SchemaStatus("older", "0000", REVISION)


@pytest.mark.parametrize("method", ["initialize", "upgrade"])
def test_initialize_and_upgrade_return_the_previous_state(connect: Connect, method: str) -> None:
    database = connect()
    assert Schema(database).initialize() == SchemaStatus("missing", None, REVISION)
    assert getattr(Schema(database), method)() == SchemaStatus("current", REVISION, REVISION)


@pytest.mark.parametrize("method", ["ensure", "initialize"])
def test_other_tables_are_kept(connect: Connect, tmp_path: Path, method: str) -> None:
    database = connect("" if method == "ensure" else None)
    path = tmp_path / "users.db"
    if method == "ensure":
        database.url = database.url.set(database=str(path))
    execute(path, "CREATE TABLE notes (text)")
    execute(path, "INSERT INTO notes VALUES ('mine')")
    getattr(Schema(database), method)()
    assert tables(path) == LBACK_TABLES | {"notes"}
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT text FROM notes").fetchall() == [("mine",)]
    connection.close()


def test_default_database_is_created_on_first_use(
    connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    Schema(connect("")).ensure()
    assert tables(tmp_path / "lback" / "lback.db") == LBACK_TABLES


def test_database_in_memory_is_created_on_first_use(connect: Connect) -> None:
    schema = Schema(connect("sqlite://"))
    assert schema.status() == SchemaStatus("empty", None, REVISION)
    schema.ensure()
    assert schema.status() == SchemaStatus("current", REVISION, REVISION)


def test_read_only_file_is_refused_without_waiting(connect: Connect, tmp_path: Path) -> None:
    create_empty(tmp_path / "users.db")
    database = connect(f"sqlite:///file:{tmp_path}/users.db?mode=ro&uri=true", busy_timeout=600)
    with pytest.raises(DatabaseError) as caught:
        Schema(database).initialize()
    assert caught.value.message == f"Cannot prepare {tmp_path}/users.db: attempt to write a readonly database."


# Concurrent and interrupted first use

FIRST_USERS = """
import sys
from lback_cli.database.engine import Database
from lback_cli.database.migrations import migrate  # load it first, so that the processes start close together
from lback_cli.database.schema import Schema
from lback_cli.settings import DatabaseSettings
import os
print("ready", flush=True)
for line in sys.stdin:
    os.environ["XDG_DATA_HOME"] = line.strip()
    database = Database(DatabaseSettings())
    Schema(database).ensure()
    Schema(database).require()
    database.dispose()
    print("done", flush=True)
"""


def test_eight_processes_create_the_database_at_once(tmp_path: Path) -> None:
    rounds = 5
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_USERS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    answers: list[list[str]] = []
    for number in range(rounds + 1):
        answers.append([process.stdout.readline() for process in processes if process.stdout])
        for process in processes:
            if number < rounds and process.stdin:
                process.stdin.write(f"{tmp_path}/{number}\n")
                process.stdin.flush()
    errors = [process.communicate()[1] for process in processes]
    assert errors == [""] * 8
    assert answers == [["ready\n"] * 8, *[["done\n"] * 8] * rounds]
    for number in range(rounds):
        path = tmp_path / str(number) / "lback" / "lback.db"
        assert tables(path) == LBACK_TABLES
        with sqlite3.connect(path) as connection:
            assert connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [(REVISION,)]
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        connection.close()


KILLED_AT_EVERY_STATEMENT = """
import json, os, sys
from sqlalchemy import Engine, event
from lback_cli.database.engine import Database
from lback_cli.database.migrations import migrate  # loaded once, for all children
from lback_cli.database.schema import Schema
from lback_cli.settings import DatabaseSettings

done = 0
fatal = None

@event.listens_for(Engine, "before_cursor_execute")
def count(connection, cursor, statement, parameters, context, executemany):
    global done
    if done == fatal:
        os.write(report, statement.encode())
        os._exit(9)
    done += 1

@event.listens_for(Engine, "commit")
def before_commit(connection):
    count(connection, None, "COMMIT", None, None, None)

results = []
status = 9
while status:
    path = f"{sys.argv[1]}/{len(results)}.db"
    statements, report = os.pipe()
    child = os.fork()
    if child == 0:
        fatal = len(results)
        Schema(Database(DatabaseSettings(url=f"sqlite:///{path}"))).initialize()
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(report)
    results.append((os.read(statements, 1000).decode(), status))
    os.close(statements)
print(json.dumps(results))
"""


def test_migration_killed_at_any_statement_leaves_nothing_and_can_be_repeated(connect: Connect, tmp_path: Path) -> None:
    sweep = [sys.executable, "-c", KILLED_AT_EVERY_STATEMENT, str(tmp_path)]
    results = json.loads(subprocess.run(sweep, check=True, capture_output=True, text=True).stdout)
    statements = [statement.split() for statement, _ in results]
    assert [status for _, status in results] == [9] * (len(results) - 1) + [0]
    assert len([words for words in statements if words[:2] == ["CREATE", "TABLE"]]) == len(LBACK_TABLES)
    assert len([words for words in statements if "INDEX" in words[:3]]) > 5
    assert ["COMMIT"] in statements
    for number in range(len(results) - 1):
        path = tmp_path / f"{number}.db"
        schema = Schema(connect(f"sqlite:///{path}"))
        assert schema.status().state in {"missing", "empty"}
        assert not path.exists() or tables(path) == set()
        schema.initialize()
        assert tables(path) == LBACK_TABLES
    assert tables(tmp_path / f"{len(results) - 1}.db") == LBACK_TABLES


# The tables


def test_revision_is_the_newest_migration() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_heads() == [REVISION]


def test_migrations_create_what_the_models_describe(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": False}
        )
        differences = compare_metadata(context, METADATA)
    described = sorted((kind, thing.name) for kind, thing in differences)
    assert described == [
        # The application's permissions: lback creates their tables and has no models of them.
        ("remove_index", "ix_userpermissions_name"),
        ("remove_table", "group_permissions_association"),
        ("remove_table", "userpermissions"),
    ]


KEY: dict[str, Any] = {"type": Integer, "nullable": False, "primary": True}
NAME: dict[str, Any] = {"type": String, "nullable": False, "index": "unique"}
MOMENT: dict[str, Any] = {"type": DateTime, "nullable": False}
FLAG: dict[str, Any] = {"type": Boolean, "nullable": False}
TOKEN: dict[str, Any] = {"type": String, "nullable": True, "index": "plain"}
EXPIRY: dict[str, Any] = {"type": DateTime, "nullable": True}
NAMED = {
    "id": KEY,
    "name": NAME,
    "description": {"type": Text, "nullable": True},
    "created_at": MOMENT,
    "updated_at": MOMENT,
}

FRAMEWORK: dict[str, dict[str, dict[str, Any]]] = {
    "users": {
        "id": KEY,
        "username": NAME,
        "email": NAME,
        "password": {"type": String, "nullable": False},
        "is_active": FLAG | {"default": True},
        "is_email_verified": FLAG | {"default": False},
        "email_verification_token": TOKEN,
        "email_verification_token_expiry": EXPIRY,
        "auth_token": TOKEN,
        "token_expiry": EXPIRY,
        "created_at": MOMENT,
        "updated_at": MOMENT,
    },
    "groups": NAMED,
    "userpermissions": NAMED,
    "user_groups_association": {
        "user_id": KEY | {"refers": "users.id"},
        "group_id": KEY | {"refers": "groups.id"},
    },
    "group_permissions_association": {
        "group_id": KEY | {"refers": "groups.id"},
        "permission_id": KEY | {"refers": "userpermissions.id"},
    },
}
"""The tables of the lback framework 0.1."""


@pytest.mark.parametrize("table", FRAMEWORK)
def test_migrations_create_the_framework_tables(database: Database, table: str) -> None:
    with database.engine.connect() as connection:
        found = inspect(connection)
        columns = {column["name"]: column for column in found.get_columns(table)}
        primary = found.get_pk_constraint(table)["constrained_columns"]
        foreign = {
            key["constrained_columns"][0]: f"{key['referred_table']}.{key['referred_columns'][0]}"
            for key in found.get_foreign_keys(table)
        }
        indexes = {
            index["column_names"][0]: "unique" if index["unique"] else "plain" for index in found.get_indexes(table)
        }
    assert list(columns) == list(FRAMEWORK[table])
    for name, expected in FRAMEWORK[table].items():
        column = columns[name]
        assert isinstance(column["type"], expected["type"]), name
        assert column["nullable"] == expected["nullable"], name
        assert (name in primary) == expected.get("primary", False), name
        assert foreign.get(name) == expected.get("refers"), name
        if "index" in expected:
            assert indexes[name] == expected["index"], name
        if "default" in expected:
            assert column["default"] == str(int(expected["default"])), name


def test_id_of_a_deleted_user_is_not_reused(database: Database) -> None:
    insert = "INSERT INTO users (username, email, password, created_at, updated_at) VALUES ('a', 'b', 'c', 'd', 'e')"
    assert database.path is not None
    with sqlite3.connect(database.path) as connection:
        first = connection.execute(insert).lastrowid
        connection.execute("DELETE FROM users")
        second = connection.execute(insert).lastrowid
    connection.close()
    assert (first, second) == (1, 2)
