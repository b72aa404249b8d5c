"""The checks of the connection, the collation and the transactions."""

import contextlib
import re
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import make_url

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import (
    check_collation,
    check_database,
    check_isolation,
    check_privileges,
    check_schema,
)
from lback_cli.doctor.result import CheckResult
from lback_cli.errors import DatabaseError, SchemaError

from .forwarder import forwarded, own_address
from .harness import DATABASE_CHECKS, results_of

MakeContext = Callable[..., CheckContext]


def test_checks_pass_on_sqlite(make_context: MakeContext) -> None:
    results = results_of(make_context().settings)
    assert {result.status for result in results.values()} == {"ok"}
    assert results["isolation"].message == "Transactions run at SERIALIZABLE."
    assert results["rights"].message == "SQLite has no privileges to check."


@pytest.mark.parametrize(("service", "product"), [("postgresql", "PostgreSQL "), ("mariadb", "MariaDB ")])
def test_checks_pass_on_a_server(make_context: MakeContext, database_on: Any, service: str, product: str) -> None:
    with database_on(service) as url:
        results = results_of(make_context(url).settings)
    assert {result.status for result in results.values()} == {"ok"}, results
    assert results["database"].message.startswith(product)
    assert results["isolation"].message == "Transactions run at READ COMMITTED."


def test_missing_database_fails_and_dependent_checks_are_skipped(make_context: MakeContext) -> None:
    context = make_context(ready=False)
    results = results_of(context.settings)
    assert results["database"] == CheckResult(
        "database", "fail", f"{context.directory}/users.db does not exist.", "Run: lback db init"
    )
    for name in DATABASE_CHECKS[1:]:
        assert results[name] == CheckResult(name, "skipped", "Not checked: the check of database failed.")


def test_unreachable_server_fails_without_showing_the_password(make_context: MakeContext) -> None:
    pytest.importorskip("psycopg")
    results = results_of(make_context("postgresql+psycopg://app:s3cret@127.0.0.1:1/app", ready=False).settings)
    assert results["database"].status == "fail"
    assert "s3cret" not in str(results)


def test_file_that_is_not_a_database_fails(make_context: MakeContext) -> None:
    context = make_context(ready=False)
    (context.directory / "users.db").write_text("Remember the milk. " * 100)
    with pytest.raises(DatabaseError):
        check_database(context)
    assert results_of(context.settings)["database"].hint == "Check the path in database.url."


def test_missing_default_database_passes_and_is_not_created(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make_context("", ready=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(context.directory))
    results = results_of(context.settings)
    assert [result for result in results.values() if result.status != "ok"] == [
        CheckResult(name, "skipped", "Not checked: there is no database yet.")
        for name in ("rights", "encoding", "collation", "isolation", "clock", "events", "delivery", "application")
    ]
    assert results["database"].message == f"{context.directory}/lback/lback.db will be created on first use."
    assert results["schema"].message == "The tables will be created or upgraded on first use."
    assert not (context.directory / "lback").exists()


def test_older_tables_fail_with_the_upgrade_command(make_context: MakeContext) -> None:
    context = make_context()
    with sqlite3.connect(context.directory / "users.db") as connection:
        connection.execute("UPDATE lback_alembic_version SET version_num = '0001'")
    connection.close()
    with pytest.raises(SchemaError):
        check_schema(context)
    results = results_of(context.settings)
    assert (results["schema"].status, results["schema"].hint) == ("fail", "Run: lback db upgrade")
    assert results["events"].message == "Not checked: the check of schema failed."


def test_case_insensitive_collation_of_mariadb_warns_and_names_the_column(
    make_context: MakeContext, mariadb_url: str
) -> None:
    context = make_context(mariadb_url)
    assert check_collation(context).status == "ok"
    with context.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users MODIFY email VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL")
    assert check_collation(context) == CheckResult(
        "collation",
        "warn",
        "Different names count as equal in users.email (utf8mb4_general_ci).",
        "A free name may be refused as taken. Use a binary collation, such as utf8mb4_bin.",
    )


def test_nondeterministic_collation_of_postgresql_warns(make_context: MakeContext, postgresql_url: str) -> None:
    context = make_context(postgresql_url)
    with context.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
        connection.exec_driver_sql('ALTER TABLE "groups" ALTER name TYPE VARCHAR(255) COLLATE any_case')
    found = check_collation(context)
    message = "Different names count as equal in groups.name (any_case)."
    assert (found.status, found.message) == ("warn", message)


def test_read_only_default_of_the_connection_fails_with_the_option_to_remove(
    make_context: MakeContext, postgresql_url: str
) -> None:
    make_context(postgresql_url)
    context = make_context(f"{postgresql_url}?options=-c%20default_transaction_read_only%3Don", ready=False)
    assert check_privileges(context) == CheckResult(
        "rights",
        "fail",
        "The database is read-only for this user (default_transaction_read_only).",
        "Remove default_transaction_read_only from database.url or PGOPTIONS.",
    )


def test_asynchronous_commits_of_postgresql_warn(make_context: MakeContext, postgresql_url: str) -> None:
    context = make_context(postgresql_url)
    name = context.database.url.database
    with context.database.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    context.database.dispose()
    assert check_isolation(context) == CheckResult(
        "isolation",
        "warn",
        "A crash may lose the latest commits (synchronous_commit).",
        f"Run: ALTER ROLE root IN DATABASE {name} SET synchronous_commit = on",
    )


def test_mariadb_without_strict_mode_fails(make_context: MakeContext, mariadb_url: str) -> None:
    make_context(mariadb_url)
    strict = "SET GLOBAL sql_mode = CONCAT_WS(',', @@GLOBAL.sql_mode, 'STRICT_TRANS_TABLES')"
    context = make_context(f"{mariadb_url}&init_command=SET%20sql_mode%3D%27%27", ready=False)
    assert check_isolation(context) == CheckResult(
        "isolation",
        "fail",
        "The server truncates long values instead of refusing them (sql_mode lacks STRICT_TRANS_TABLES).",
        f"Remove sql_mode from database.url, or run: {strict}, and write it into the server's configuration.",
    )


def test_locked_file_fails(make_context: MakeContext) -> None:
    context = make_context()
    other = sqlite3.connect(context.directory / "users.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    found = results_of(context.settings)["isolation"]
    other.close()
    assert found == CheckResult(
        "isolation",
        "fail",
        f"The database {context.directory}/users.db is locked by another process.",
        "Try again, or raise database.busy_timeout.",
    )


def test_file_without_wal_warns(make_context: MakeContext) -> None:
    context = make_context()
    with sqlite3.connect(context.directory / "users.db", isolation_level=None) as other:
        other.execute("PRAGMA journal_mode = DELETE")
    other.close()
    assert results_of(context.settings)["isolation"] == CheckResult(
        "isolation",
        "warn",
        "Readers and writers block each other, because the journal mode is delete.",
        f"If the application allows it, run: sqlite3 {context.directory}/users.db 'PRAGMA journal_mode = WAL'",
    )


def test_checks_change_no_file(make_context: MakeContext) -> None:
    context = make_context()
    path = context.directory / "users.db"
    before = path.read_bytes()
    assert results_of(context.settings)
    assert path.read_bytes() == before
    assert sorted(item.name for item in context.directory.iterdir()) == ["users.db"]


def test_database_names_the_server_and_no_pooler(make_context: MakeContext, postgresql_url: str) -> None:
    result = check_database(make_context(postgresql_url))
    assert re.fullmatch(r"PostgreSQL [\d.]+ at .*\.", result.message), result.message


def test_node_of_a_galera_cluster_is_named(make_context: MakeContext, mariadb_url: str) -> None:
    """Without a cluster at hand, the answer of a node replaces the server's to one statement."""
    for state, status in (("Synced", "ok"), ("Donor/Desynced", "fail")):
        context = make_context(mariadb_url)

        def answer(*arguments: Any, state: str = state) -> tuple[str, Any]:
            statement, values = arguments[2:4]
            if "wsrep" not in statement:
                return statement, values
            rows = {"cluster_size": "3", "cluster_status": "Primary", "local_state_comment": state}
            return " UNION ALL ".join(f"SELECT 'wsrep_{name}', '{value}'" for name, value in rows.items()), values

        event.listen(context.database.engine, "before_cursor_execute", answer, retval=True)
        found = check_database(context).message
        assert f", a node of a Galera cluster of 3 (Primary, {state}) at " in found
        assert check_isolation(context).status == status


@pytest.mark.parametrize(
    ("service", "plain", "encrypted"),
    [
        ("postgresql", "sslmode=disable", "sslmode=require"),
        ("mariadb", "ssl_disabled=true", "ssl_verify_cert=false"),
    ],
)
def test_connection_to_another_machine_without_encryption_warns(
    make_context: MakeContext, database_on: Any, service: str, plain: str, encrypted: str
) -> None:
    address = own_address()
    if address is None:
        pytest.skip("this machine has no network")
    with database_on(service) as url, forwarded(address, make_url(url).port or 0) as port:
        text = make_url(url).set(host=address, port=port).render_as_string().partition("?")[0]
        context = make_context(f"{text}?{plain}")
        assert check_database(context) == CheckResult(
            "database",
            "warn",
            f"The connection to {address} is not encrypted: others may read passwords and hashes.",
            "See TLS in docs/databases.md, unless the network is your own.",
        )
        context.database.dispose()
        for other in (url, f"{text}?{encrypted}"):
            context = make_context(other, ready=False)
            with contextlib.suppress(DatabaseError):  # a server may have no TLS
                assert check_database(context).status == "ok"
            context.database.dispose()
