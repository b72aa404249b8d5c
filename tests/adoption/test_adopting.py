"""`lback db adopt`: lback's tables beside an application's, which stay as they are."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

import pytest

from lback_cli.database.schema import REVISION, VERSION_TABLE, Schema
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import check_schema
from lback_cli.doctor.result import CheckResult
from lback_cli.errors import SchemaError
from lback_cli.settings import CompatSettings, DatabaseSettings, Settings

from .framework import Application

Look = Callable[[Application], Schema]

OURS = {
    *("lback_tokens", "lback_events", "lback_event_head", "lback_import_jobs", "lback_sinks", "lback_dead_letters"),
    *("lback_mail_queue", VERSION_TABLE),
}


def test_only_tables_of_lback_are_added_and_the_applications_stay_byte_for_byte(
    application: Application, schema: Look
) -> None:
    definitions, rows, tables = application.definitions(), application.rows(), application.tables()
    assert len(rows["users"]) == 4
    assert b"users" in definitions
    looked = schema(application)
    assert (looked.status().state, looked.check_adoptable().adoptable) == ("foreign", True)
    found = looked.adopt()
    assert found is not None
    assert found.obstacles == ()
    assert looked.status().state == "current"
    added = application.tables() - tables
    assert added == OURS
    assert (application.definitions(), application.rows()) == (definitions, rows)
    assert looked.adopt() is None, "it was adopted before"
    assert application.definitions() == definitions


def test_a_database_that_compares_loosely_is_adopted_with_a_remark(application: Application, schema: Look) -> None:
    loose = application.dialect in {"mysql", "mariadb"}
    remarks = schema(application).check_adoptable().remarks
    assert [remark.split(" ")[0] for remark in remarks] == (
        ["users.username", "users.email", "groups.name"] if loose else []
    )


def test_how_a_sqlite_file_is_kept_is_the_applications_business(on_sqlite: Application, schema: Look) -> None:
    schema(on_sqlite).adopt()
    assert on_sqlite.all("PRAGMA journal_mode") == [("delete",)]
    executed(
        *(f"DROP TABLE {table}" for table in ("lback_sinks", "lback_dead_letters", "lback_mail_queue")),
        "UPDATE lback_alembic_version SET version_num = '0003'",
    )(on_sqlite)
    assert schema(on_sqlite).upgrade().state == "older"
    assert schema(on_sqlite).status().state == "current"
    assert on_sqlite.all("PRAGMA journal_mode") == [("delete",)]


@pytest.mark.parametrize("work", ["initialize", "upgrade", "require", "ensure"])
def test_nothing_but_adopt_adopts_and_the_refusal_names_it(on_sqlite: Application, schema: Look, work: str) -> None:
    before = on_sqlite.definitions()
    with pytest.raises(SchemaError) as caught:
        getattr(schema(on_sqlite), work)()
    assert caught.value.hint == "If it is an application's that lback is to work with, run: lback db adopt"
    assert (on_sqlite.definitions(), on_sqlite.tables() & OURS) == (before, set())


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_where_there_is_no_application_there_is_nothing_to_adopt(on_sqlite: Application, kind: str) -> None:
    from lback_cli.database.engine import Database
    from lback_cli.settings import DatabaseSettings

    path = on_sqlite.url.removeprefix("sqlite:///") + ".other"
    if kind == "empty":
        sqlite3.connect(path).close()
    with pytest.raises(SchemaError, match="no tables to adopt") as caught:
        Schema(Database(DatabaseSettings(url=f"sqlite:///{path}"))).adopt()
    assert caught.value.hint == "Run: lback db init"


def rebuilt(table: str, old: str, new: str) -> Callable[[Application], None]:
    """Make *table* again, empty, with *new* in its definition in place of *old*."""

    def change(application: Application) -> None:
        ((definition,),) = application.all(f"SELECT sql FROM sqlite_master WHERE name = '{table}'")
        indexes = application.all(
            f"SELECT sql FROM sqlite_master WHERE tbl_name = '{table}' AND type = 'index' AND sql IS NOT NULL"
        )
        assert old in definition
        application.execute(f"DROP TABLE {table}", definition.replace(old, new), *(sql for (sql,) in indexes))

    return change


def executed(*statements: str) -> Callable[[Application], None]:
    return lambda application: application.execute(*statements)


UNEXPECTED: dict[str, tuple[str, Callable[[Application], None]]] = {
    "users.tenant needs a value that lback does not know": (
        "sqlite",
        rebuilt("users", "password VARCHAR NOT NULL", "password VARCHAR NOT NULL, tenant INTEGER NOT NULL"),
    ),
    "users.tenant needs a value that lback does not know ": (
        "postgresql",
        executed("ALTER TABLE users ADD tenant INT NOT NULL DEFAULT 1", "ALTER TABLE users ALTER tenant DROP DEFAULT"),
    ),
    "groups.owner needs a value that lback does not know": (
        "mariadb",
        executed("ALTER TABLE `groups` ADD owner INT NOT NULL"),
    ),
    "users.token_expiry is missing": ("sqlite", executed("ALTER TABLE users DROP COLUMN token_expiry")),
    "userpermissions is missing": (
        "sqlite",
        executed("DROP TABLE group_permissions_association", "DROP TABLE userpermissions"),
    ),
    "users.username is not unique": ("sqlite", executed("DROP INDEX ix_users_username")),
    "users.email is not unique": (
        "sqlite",
        executed("DROP INDEX ix_users_email", "CREATE UNIQUE INDEX few ON users (email) WHERE is_active"),
    ),
    "groups.name is not unique": (
        "mariadb",
        executed("DROP INDEX ix_groups_name ON `groups`", "CREATE UNIQUE INDEX short ON `groups` (name(10))"),
    ),
    "userpermissions.name is not unique": (
        "postgresql",
        executed(
            "DROP INDEX ix_userpermissions_name",
            "CREATE UNIQUE INDEX two ON userpermissions (name, description)",
        ),
    ),
    "users.password may be null": ("sqlite", rebuilt("users", "password VARCHAR NOT NULL", "password VARCHAR")),
    "users.auth_token may not be null": (
        "sqlite",
        rebuilt("users", "auth_token VARCHAR", "auth_token VARCHAR NOT NULL"),
    ),
    "users.password holds 60 characters where 128 are needed": (
        "postgresql",
        executed("ALTER TABLE users ALTER password TYPE VARCHAR(60)"),
    ),
    "users.is_active is INTEGER where a boolean is expected": (
        "sqlite",
        rebuilt("users", "is_active BOOLEAN", "is_active INTEGER"),
    ),
    "users.is_active is TINYINT(4) where a boolean is expected": (
        "mariadb",
        executed("ALTER TABLE users MODIFY is_active TINYINT(4) NOT NULL"),
    ),
    "users.is_active is MEDIUMINT(1) where a boolean is expected": (
        "mariadb",
        executed("ALTER TABLE users MODIFY is_active MEDIUMINT(1) NOT NULL"),
    ),
    "users.created_at is TIMESTAMP WITH TIME ZONE where a date and time without a zone is expected": (
        "postgresql",
        executed("ALTER TABLE users ALTER created_at TYPE TIMESTAMPTZ"),
    ),
    "users.token_expiry is VARCHAR where a date and time without a zone is expected": (
        "sqlite",
        rebuilt("users", "token_expiry DATETIME", "token_expiry VARCHAR"),
    ),
    "users.id is BIGINT where a 32-bit integer is expected": (
        "postgresql",
        executed("ALTER TABLE users ALTER id TYPE BIGINT"),
    ),
    "users.id is not numbered by the database": ("postgresql", executed("ALTER TABLE users ALTER id DROP DEFAULT")),
    "user_groups_association.user_id does not refer to users.id": (
        "sqlite",
        rebuilt("user_groups_association", "FOREIGN KEY(user_id) REFERENCES users (id)", "CHECK (user_id > 0)"),
    ),
    "user_groups_association has the primary key (user_id) where (user_id, group_id) is expected": (
        "sqlite",
        rebuilt("user_groups_association", "PRIMARY KEY (user_id, group_id)", "PRIMARY KEY (user_id)"),
    ),
    "group_permissions_association is kept by MyISAM, which has no transactions": (
        "mariadb",
        executed(
            "DROP TABLE group_permissions_association",
            "CREATE TABLE group_permissions_association (group_id INT NOT NULL, permission_id INT NOT NULL,"
            " PRIMARY KEY (group_id, permission_id)) ENGINE=MyISAM",
        ),
    ),
    "users.username is CHAR(255), which pads what is shorter with blanks": (
        "postgresql",
        executed("ALTER TABLE users ALTER username TYPE CHAR(255)"),
    ),
    "users.email has the character set latin1, which lacks most letters, where utf8mb4 is expected": (
        "mariadb",
        executed("ALTER TABLE users CONVERT TO CHARACTER SET latin1"),
    ),
    "users.username has the character set ascii, which lacks most letters, where utf8mb4 is expected": (
        "mariadb",
        executed("ALTER TABLE users MODIFY username VARCHAR(255) CHARACTER SET ascii NOT NULL"),
    ),
    "users.created_at is TIMESTAMP where a date and time without a zone is expected": (
        "mariadb",
        executed("ALTER TABLE users MODIFY created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"),
    ),
    "users.username is unique at the end of a transaction only": (
        "postgresql",
        executed(
            "DROP INDEX ix_users_username",
            "ALTER TABLE users ADD CONSTRAINT late UNIQUE (username) DEFERRABLE INITIALLY DEFERRED",
        ),
    ),
    "userpermissions is a view where a table is expected": (
        "postgresql",
        executed("ALTER TABLE userpermissions RENAME TO p", "CREATE VIEW userpermissions AS SELECT * FROM p"),
    ),
    "userpermissions is missing, where there is UserPermissions": (
        "postgresql",
        executed('ALTER TABLE userpermissions RENAME TO "UserPermissions"'),
    ),
    "lback_tokens is there already, though lback never set it up": (
        "sqlite",
        executed("CREATE TABLE lback_tokens (id INTEGER PRIMARY KEY)"),
    ),
}
"""What is said of each unexpected thing, the database to try it on, and how it is done."""


@pytest.mark.parametrize("obstacle", UNEXPECTED)
def test_what_is_unexpected_is_named_and_nothing_is_changed(
    obstacle: str, request: pytest.FixtureRequest, database_on: Any, schema: Look
) -> None:
    service, change = UNEXPECTED[obstacle]
    if service == "sqlite":
        _refused(request.getfixturevalue("on_sqlite"), change, schema, obstacle)
        return
    with database_on(service) as url:
        application = Application(url)
        application.populate()
        try:
            _refused(application, change, schema, obstacle)
        finally:
            application.engine.dispose()


def _refused(application: Application, change: Callable[[Application], None], schema: Look, obstacle: str) -> None:
    change(application)
    before = application.definitions(), application.tables()
    looked = schema(application)
    with pytest.raises(SchemaError) as caught:
        looked.adopt()
    assert obstacle.strip() in looked.check_adoptable().obstacles
    assert obstacle.strip() in caught.value.message
    assert caught.value.hint == "Nothing was changed; see docs/adoption.md."
    assert looked.status().state == "foreign"
    assert (application.definitions(), application.tables()) == before


REMARKABLE = {
    "users.auth_token has no index": executed("DROP INDEX ix_users_auth_token"),
    "users.username has the collation NOCASE, which takes different names for the same": executed(
        "DROP INDEX ix_users_username", "CREATE UNIQUE INDEX any_case ON users (username COLLATE NOCASE)"
    ),
    "user_groups_association has 2 rows of users that are not there": executed(
        "DELETE FROM user_groups_association WHERE user_id = 3",
        "DELETE FROM users WHERE id IN (2, 3)",
        "INSERT INTO user_groups_association VALUES (99, 1)",
    ),
    "user_groups_association has 1 row of groups that are not there": executed(
        "INSERT INTO user_groups_association VALUES (1, 99)"
    ),
    "users has the trigger hail, which runs on what lback writes too": executed(
        "CREATE TRIGGER hail AFTER INSERT ON users BEGIN UPDATE users SET is_active = 1 WHERE id = new.id; END"
    ),
}


@pytest.mark.parametrize("remark", REMARKABLE)
def test_what_is_no_obstacle_is_remarked_on(on_sqlite: Application, schema: Look, remark: str) -> None:
    REMARKABLE[remark](on_sqlite)
    found = schema(on_sqlite).adopt()
    assert found is not None
    assert found.remarks == (remark,)


ON_SERVERS: dict[str, tuple[str, Callable[[Application], None]]] = {
    "users has row level security, which must not hide rows from lback": (
        "postgresql",
        executed("ALTER TABLE users ENABLE ROW LEVEL SECURITY", "ALTER TABLE users FORCE ROW LEVEL SECURITY"),
    ),
    "groups has the trigger hail, which runs on what lback writes too": (
        "postgresql",
        executed(
            "CREATE FUNCTION hail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
            "CREATE TRIGGER hail BEFORE INSERT ON groups FOR EACH ROW EXECUTE FUNCTION hail()",
        ),
    ),
    "users has the trigger hail, which runs on what lback writes too": (
        "mariadb",
        executed("CREATE TRIGGER hail BEFORE INSERT ON users FOR EACH ROW SET new.is_active = 1"),
    ),
    "users.tier is a column of the application's own, which lback leaves as it is": (
        "mariadb",
        executed("ALTER TABLE users ADD tier INT NOT NULL DEFAULT 3 INVISIBLE"),
    ),
    "users.email has the character set utf8mb3, which lacks rare letters: they are refused": (
        "mariadb",
        executed("ALTER TABLE users MODIFY email VARCHAR(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL"),
    ),
}


@pytest.mark.parametrize("remark", ON_SERVERS)
def test_what_is_no_obstacle_on_a_server_is_remarked_on(
    remark: str, database_on: Callable[[str], AbstractContextManager[str]], schema: Look
) -> None:
    service, change = ON_SERVERS[remark]
    with database_on(service) as url:
        application = Application(url)
        application.populate()
        change(application)
        found = schema(application).adopt()
        application.engine.dispose()
    assert found is not None
    assert [one for one in found.remarks if "collation" not in one] == [remark]


@pytest.mark.parametrize("reference", ["Users(ID)", "users", "USERS"])
def test_sqlite_has_more_than_one_way_to_refer_to_a_table(on_sqlite: Application, schema: Look, reference: str) -> None:
    rebuilt(
        "user_groups_association",
        "FOREIGN KEY(user_id) REFERENCES users (id)",
        f"FOREIGN KEY(user_id) REFERENCES {reference}",
    )(on_sqlite)
    found = schema(on_sqlite).adopt()
    assert found is not None
    assert (found.obstacles, found.remarks) == ((), ())


def test_the_command_tells_what_it_found_and_what_to_do(lback: Any, on_sqlite: Application) -> None:
    url = f"--database-url={on_sqlite.url}"
    path = on_sqlite.url.removeprefix("sqlite:///")
    status, out, err = lback("db", "status", url, "-o", "json")
    assert (status, json.loads(out)) == (
        9,
        {
            "database": path,
            "backend": "sqlite",
            "state": "foreign",
            "revision": None,
            "needed": REVISION,
            "adoptable": True,
            "obstacles": [],
            "remarks": [],
        },
    )
    assert json.loads(err)["error"]["code"] == "schema_error"
    on_sqlite.execute("DROP INDEX ix_users_email", "DROP INDEX ix_groups_name")
    refused = lback("db", "adopt", url)
    assert refused == (
        9,
        "",
        (
            f"error: The database {path} cannot be adopted: users.email is not unique; groups.name is not unique."
            "\n       Nothing was changed; see docs/adoption.md.\n"
        ),
    )
    table = lback("db", "status", url)
    assert table.status == 9
    assert table.out.splitlines()[-4:] == [
        "adoptable  no",
        "obstacles  users.email is not unique",
        "           groups.name is not unique",
        "remarks",
    ]
    on_sqlite.execute(
        "CREATE UNIQUE INDEX ix_users_email ON users (email)", "CREATE UNIQUE INDEX ix_groups_name ON groups (name)"
    )
    adopted = lback("db", "adopt", url)
    assert adopted.status == 0
    assert adopted.err == (
        f"{path} is adopted.\nWhile the application runs, set [compat] lback_framework = true: see docs/adoption.md.\n"
    )
    assert lback("db", "adopt", url).err == f"{path} has lback's tables already.\n"


def test_who_forgets_the_applications_hashes_is_reminded(application: Application, schema: Look) -> None:
    schema(application).adopt()
    settings = Settings(database=DatabaseSettings(url=application.url))
    patients = [CheckContext(settings), CheckContext(replace(settings, compat=CompatSettings(lback_framework=True)))]
    assert [check_schema(patient) for patient in patients] == [
        CheckResult(
            "schema",
            "warn",
            "An application of the lback framework made the tables, and [compat] lback_framework is off: "
            "lback hashes with Argon2id, which that application cannot check.",
            "While it runs, set [compat] lback_framework = true; see docs/adoption.md.",
        ),
        CheckResult("schema", "ok", f"The tables have version {REVISION}, as needed, and nothing of them is missing."),
    ]
    for patient in patients:
        patient.database.dispose()


def test_db_status_reminds_of_the_applications_hashes(lback: Any, on_sqlite: Application, schema: Look) -> None:
    schema(on_sqlite).adopt()
    reminded = lback("db", "status", "-q", "--database-url", on_sqlite.url)
    assert (reminded.status, reminded.err) == (
        0,
        (
            "warning: An application of the lback framework made the tables, and [compat] lback_framework is off: "
            "lback hashes with Argon2id, which that application cannot check. "
            "While it runs, set [compat] lback_framework = true; see docs/adoption.md.\n"
        ),
    )
    beside = lback("db", "status", "-q", "--database-url", on_sqlite.url, LBACK_COMPAT_LBACK_FRAMEWORK="true")
    assert (beside.status, beside.err) == (0, "")
