"""`lback db adopt` adds lback's tables and leaves the application's unchanged."""

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

SchemaOf = Callable[[Application], Schema]

OURS = {
    *("lback_tokens", "lback_events", "lback_event_head", "lback_import_jobs", "lback_sinks", "lback_dead_letters"),
    *("lback_mail_queue", "lback_user_attributes", "lback_accounts", "lback_owned", "lback_secrets", VERSION_TABLE),
    "lback_deleted_users",
}


def test_adoption_adds_only_lback_tables_and_changes_no_byte_of_the_applications(
    application: Application, schema_of: SchemaOf
) -> None:
    definitions, rows, tables = application.definitions(), application.rows(), application.tables()
    assert len(rows["users"]) == 4
    assert b"users" in definitions
    schema = schema_of(application)
    assert (schema.status().state, schema.check_adoptable().adoptable) == ("foreign", True)
    found = schema.adopt()
    assert found is not None
    assert found.errors == ()
    assert schema.status().state == "current"
    added = application.tables() - tables
    assert added == OURS
    assert (application.definitions(), application.rows()) == (definitions, rows)
    assert schema.adopt() is None, "it was adopted before"
    assert application.definitions() == definitions


def test_case_insensitive_collation_is_a_warning(application: Application, schema_of: SchemaOf) -> None:
    case_insensitive = application.dialect in {"mysql", "mariadb"}
    warnings = schema_of(application).check_adoptable().warnings
    assert [warning.split(" ")[0] for warning in warnings] == (
        ["users.username", "users.email", "groups.name"] if case_insensitive else []
    )


def test_journal_mode_of_the_applications_file_stays(on_sqlite: Application, schema_of: SchemaOf) -> None:
    schema_of(on_sqlite).adopt()
    assert on_sqlite.all("PRAGMA journal_mode") == [("delete",)]
    executed(
        *(f"DROP TABLE {table}" for table in ("lback_sinks", "lback_dead_letters", "lback_mail_queue")),
        "UPDATE lback_alembic_version SET version_num = '0003'",
    )(on_sqlite)
    assert schema_of(on_sqlite).upgrade().state == "older"
    assert schema_of(on_sqlite).status().state == "current"
    assert on_sqlite.all("PRAGMA journal_mode") == [("delete",)]


@pytest.mark.parametrize("method", ["initialize", "upgrade", "require", "ensure"])
def test_other_methods_do_not_adopt_and_name_the_command(
    on_sqlite: Application, schema_of: SchemaOf, method: str
) -> None:
    before = on_sqlite.definitions()
    with pytest.raises(SchemaError) as caught:
        getattr(schema_of(on_sqlite), method)()
    assert caught.value.hint == "If these are the users that lback shall administer, run: lback db adopt"
    assert (on_sqlite.definitions(), on_sqlite.tables() & OURS) == (before, set())


@pytest.mark.parametrize("kind", ["missing", "empty"])
def test_adopting_a_database_without_tables_fails(on_sqlite: Application, kind: str) -> None:
    from lback_cli.database.engine import Database
    from lback_cli.settings import DatabaseSettings

    path = on_sqlite.url.removeprefix("sqlite:///") + ".other"
    if kind == "empty":
        sqlite3.connect(path).close()
    with pytest.raises(SchemaError, match="no tables to adopt") as caught:
        Schema(Database(DatabaseSettings(url=f"sqlite:///{path}"))).adopt()
    assert caught.value.hint == "Run: lback db init"


def rebuilt(table: str, old: str, new: str) -> Callable[[Application], None]:
    """Create *table* again, empty, with *new* in its definition in place of *old*."""

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


DIFFERENCES: dict[str, tuple[str, Callable[[Application], None]]] = {
    "users.tenant is NOT NULL without a default, so lback could not insert a row": (
        "sqlite",
        rebuilt("users", "password VARCHAR NOT NULL", "password VARCHAR NOT NULL, tenant INTEGER NOT NULL"),
    ),
    "users.tenant is NOT NULL without a default, so lback could not insert a row ": (
        "postgresql",
        executed("ALTER TABLE users ADD tenant INT NOT NULL DEFAULT 1", "ALTER TABLE users ALTER tenant DROP DEFAULT"),
    ),
    "groups.owner is NOT NULL without a default, so lback could not insert a row": (
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
    "users.password allows NULL": ("sqlite", rebuilt("users", "password VARCHAR NOT NULL", "password VARCHAR")),
    "users.auth_token does not allow NULL": (
        "sqlite",
        rebuilt("users", "auth_token VARCHAR", "auth_token VARCHAR NOT NULL"),
    ),
    "users.password holds 60 characters; lback needs 128": (
        "postgresql",
        executed("ALTER TABLE users ALTER password TYPE VARCHAR(60)"),
    ),
    "users.is_active has the type INTEGER; expected a boolean": (
        "sqlite",
        rebuilt("users", "is_active BOOLEAN", "is_active INTEGER"),
    ),
    "users.is_active has the type TINYINT(4); expected a boolean": (
        "mariadb",
        executed("ALTER TABLE users MODIFY is_active TINYINT(4) NOT NULL"),
    ),
    "users.is_active has the type MEDIUMINT(1); expected a boolean": (
        "mariadb",
        executed("ALTER TABLE users MODIFY is_active MEDIUMINT(1) NOT NULL"),
    ),
    "users.created_at has the type TIMESTAMP WITH TIME ZONE; expected a date and time without a time zone": (
        "postgresql",
        executed("ALTER TABLE users ALTER created_at TYPE TIMESTAMPTZ"),
    ),
    "users.token_expiry has the type VARCHAR; expected a date and time without a time zone": (
        "sqlite",
        rebuilt("users", "token_expiry DATETIME", "token_expiry VARCHAR"),
    ),
    "users.id has the type BIGINT; expected a 32-bit integer": (
        "postgresql",
        executed("ALTER TABLE users ALTER id TYPE BIGINT"),
    ),
    "users.id is not numbered by the database": ("postgresql", executed("ALTER TABLE users ALTER id DROP DEFAULT")),
    "user_groups_association.user_id has no foreign key to users.id": (
        "sqlite",
        rebuilt("user_groups_association", "FOREIGN KEY(user_id) REFERENCES users (id)", "CHECK (user_id > 0)"),
    ),
    "user_groups_association has the primary key (user_id); expected (user_id, group_id)": (
        "sqlite",
        rebuilt("user_groups_association", "PRIMARY KEY (user_id, group_id)", "PRIMARY KEY (user_id)"),
    ),
    "group_permissions_association uses the storage engine MyISAM, which has no transactions": (
        "mariadb",
        executed(
            "DROP TABLE group_permissions_association",
            "CREATE TABLE group_permissions_association (group_id INT NOT NULL, permission_id INT NOT NULL,"
            " PRIMARY KEY (group_id, permission_id)) ENGINE=MyISAM",
        ),
    ),
    "users.username has the type CHAR(255), which pads values with spaces": (
        "postgresql",
        executed("ALTER TABLE users ALTER username TYPE CHAR(255)"),
    ),
    "users.email has the character set latin1, which cannot store most letters; expected utf8mb4": (
        "mariadb",
        executed("ALTER TABLE users CONVERT TO CHARACTER SET latin1"),
    ),
    "users.username has the character set ascii, which cannot store most letters; expected utf8mb4": (
        "mariadb",
        executed("ALTER TABLE users MODIFY username VARCHAR(255) CHARACTER SET ascii NOT NULL"),
    ),
    "users.created_at has the type TIMESTAMP; expected a date and time without a time zone": (
        "mariadb",
        executed("ALTER TABLE users MODIFY created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP"),
    ),
    "users.username is checked for uniqueness only at COMMIT": (
        "postgresql",
        executed(
            "DROP INDEX ix_users_username",
            "ALTER TABLE users ADD CONSTRAINT late UNIQUE (username) DEFERRABLE INITIALLY DEFERRED",
        ),
    ),
    "userpermissions is a view, not a table": (
        "postgresql",
        executed("ALTER TABLE userpermissions RENAME TO p", "CREATE VIEW userpermissions AS SELECT * FROM p"),
    ),
    "userpermissions is missing, but UserPermissions exists": (
        "postgresql",
        executed('ALTER TABLE userpermissions RENAME TO "UserPermissions"'),
    ),
    "lback_tokens already exists, but lback did not create it": (
        "sqlite",
        executed("CREATE TABLE lback_tokens (id INTEGER PRIMARY KEY)"),
    ),
}
"""The error for each difference, the database that has it, and the change that causes it."""


@pytest.mark.parametrize("error", DIFFERENCES)
def test_difference_is_an_error_and_nothing_is_changed(
    error: str, request: pytest.FixtureRequest, database_on: Any, schema_of: SchemaOf
) -> None:
    service, change = DIFFERENCES[error]
    if service == "sqlite":
        _refused(request.getfixturevalue("on_sqlite"), change, schema_of, error)
        return
    with database_on(service) as url:
        application = Application(url)
        application.populate()
        try:
            _refused(application, change, schema_of, error)
        finally:
            application.engine.dispose()


def _refused(application: Application, change: Callable[[Application], None], schema_of: SchemaOf, error: str) -> None:
    change(application)
    before = application.definitions(), application.tables()
    schema = schema_of(application)
    with pytest.raises(SchemaError) as caught:
        schema.adopt()
    assert error.strip() in schema.check_adoptable().errors
    assert error.strip() in caught.value.message
    assert caught.value.hint == "Nothing was changed; see docs/adoption.md."
    assert schema.status().state == "foreign"
    assert (application.definitions(), application.tables()) == before


WARNINGS = {
    "users.auth_token has no index": executed("DROP INDEX ix_users_auth_token"),
    "users.username has the collation NOCASE, which treats different names as equal": executed(
        "DROP INDEX ix_users_username", "CREATE UNIQUE INDEX any_case ON users (username COLLATE NOCASE)"
    ),
    "user_groups_association has 2 rows for users that do not exist": executed(
        "DELETE FROM user_groups_association WHERE user_id = 3",
        "DELETE FROM users WHERE id IN (2, 3)",
        "INSERT INTO user_groups_association VALUES (99, 1)",
    ),
    "user_groups_association has 1 row for groups that do not exist": executed(
        "INSERT INTO user_groups_association VALUES (1, 99)"
    ),
    "users has the trigger hail, which also runs for lback's changes": executed(
        "CREATE TRIGGER hail AFTER INSERT ON users BEGIN UPDATE users SET is_active = 1 WHERE id = new.id; END"
    ),
}


@pytest.mark.parametrize("warning", WARNINGS)
def test_difference_that_does_not_prevent_adoption_is_a_warning(
    on_sqlite: Application, schema_of: SchemaOf, warning: str
) -> None:
    WARNINGS[warning](on_sqlite)
    found = schema_of(on_sqlite).adopt()
    assert found is not None
    assert found.warnings == (warning,)


WARNINGS_ON_SERVERS: dict[str, tuple[str, Callable[[Application], None]]] = {
    "users has row-level security, which must not hide rows from lback": (
        "postgresql",
        executed("ALTER TABLE users ENABLE ROW LEVEL SECURITY", "ALTER TABLE users FORCE ROW LEVEL SECURITY"),
    ),
    "groups has the trigger hail, which also runs for lback's changes": (
        "postgresql",
        executed(
            "CREATE FUNCTION hail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
            "CREATE TRIGGER hail BEFORE INSERT ON groups FOR EACH ROW EXECUTE FUNCTION hail()",
        ),
    ),
    "users has the trigger hail, which also runs for lback's changes": (
        "mariadb",
        executed("CREATE TRIGGER hail BEFORE INSERT ON users FOR EACH ROW SET new.is_active = 1"),
    ),
    "users.tier was added by the application; lback leaves it unchanged": (
        "mariadb",
        executed("ALTER TABLE users ADD tier INT NOT NULL DEFAULT 3 INVISIBLE"),
    ),
    "users.email has the character set utf8mb3, so characters beyond U+FFFF are refused": (
        "mariadb",
        executed("ALTER TABLE users MODIFY email VARCHAR(255) CHARACTER SET utf8mb3 COLLATE utf8mb3_bin NOT NULL"),
    ),
}


@pytest.mark.parametrize("warning", WARNINGS_ON_SERVERS)
def test_difference_that_does_not_prevent_adoption_on_a_server_is_a_warning(
    warning: str, database_on: Callable[[str], AbstractContextManager[str]], schema_of: SchemaOf
) -> None:
    service, change = WARNINGS_ON_SERVERS[warning]
    with database_on(service) as url:
        application = Application(url)
        application.populate()
        change(application)
        found = schema_of(application).adopt()
        application.engine.dispose()
    assert found is not None
    assert [other for other in found.warnings if "collation" not in other] == [warning]


@pytest.mark.parametrize("reference", ["Users(ID)", "users", "USERS"])
def test_sqlite_foreign_key_may_omit_the_column_and_vary_in_case(
    on_sqlite: Application, schema_of: SchemaOf, reference: str
) -> None:
    rebuilt(
        "user_groups_association",
        "FOREIGN KEY(user_id) REFERENCES users (id)",
        f"FOREIGN KEY(user_id) REFERENCES {reference}",
    )(on_sqlite)
    found = schema_of(on_sqlite).adopt()
    assert found is not None
    assert (found.errors, found.warnings) == ((), ())


def test_commands_report_errors_and_adopt(lback: Any, on_sqlite: Application) -> None:
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
            "errors": [],
            "warnings": [],
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
        "errors     users.email is not unique",
        "           groups.name is not unique",
        "warnings",
    ]
    on_sqlite.execute(
        "CREATE UNIQUE INDEX ix_users_email ON users (email)", "CREATE UNIQUE INDEX ix_groups_name ON groups (name)"
    )
    adopted = lback("db", "adopt", url)
    assert adopted.status == 0
    assert adopted.err == (
        f"{path} is adopted.\n"
        "warning: The application's next makemigrations drops lback's tables, the event log included,"
        " unless its alembic/env.py says otherwise. Add this line to context.configure() there:"
        ' include_name=lambda name, kind, parents: not (kind == "table" and name.startswith("lback_")),'
        " See docs/adoption.md.\n"
        "While the application runs, set [compat] lback_framework = true: see docs/adoption.md.\n"
    )
    assert lback("db", "adopt", url).err == f"{path} already has lback's tables.\n"


def test_schema_check_warns_if_compatibility_is_off(application: Application, schema_of: SchemaOf) -> None:
    schema_of(application).adopt()
    settings = Settings(database=DatabaseSettings(url=application.url))
    contexts = [CheckContext(settings), CheckContext(replace(settings, compat=CompatSettings(lback_framework=True)))]
    assert [check_schema(context) for context in contexts] == [
        CheckResult(
            "schema",
            "warn",
            "An application built on the lback framework created the tables, but [compat] lback_framework is off: "
            "lback hashes passwords with Argon2id, which that application cannot verify.",
            "While the application runs, set [compat] lback_framework = true; see docs/adoption.md.",
        ),
        CheckResult("schema", "ok", f"Schema is up to date ({REVISION})."),
    ]
    for context in contexts:
        context.database.dispose()


def test_db_status_warns_if_compatibility_is_off(lback: Any, on_sqlite: Application, schema_of: SchemaOf) -> None:
    schema_of(on_sqlite).adopt()
    warned = lback("db", "status", "-q", "--database-url", on_sqlite.url)
    assert (warned.status, warned.err) == (
        0,
        (
            "warning: An application built on the lback framework created the tables, "
            "but [compat] lback_framework is off: "
            "lback hashes passwords with Argon2id, which that application cannot verify. "
            "While the application runs, set [compat] lback_framework = true; see docs/adoption.md.\n"
        ),
    )
    beside = lback("db", "status", "-q", "--database-url", on_sqlite.url, LBACK_COMPAT_LBACK_FRAMEWORK="true")
    assert (beside.status, beside.err) == (0, "")
