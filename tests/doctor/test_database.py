import sqlite3
from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.database.engine import Database
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import check_collation, check_database, check_isolation, check_schema
from lback_cli.doctor.privileges import check_rights
from lback_cli.doctor.result import CheckResult
from lback_cli.doctor.runner import Doctor
from lback_cli.errors import DatabaseError, SchemaError

Admit = Callable[..., CheckContext]


def findings(patient: CheckContext) -> dict[str, CheckResult]:
    return {finding.check: finding for finding in Doctor(lambda: patient.settings).run_checks()}


@pytest.mark.parametrize("service", ["sqlite", "postgresql", "mariadb"])
def test_a_database_that_lback_made_is_well(admit: Admit, database_on: Any, service: str) -> None:
    if service == "sqlite":
        patient = admit()
        assert {finding.status for finding in findings(patient).values()} == {"ok"}
        assert check_isolation(patient).message == "Transactions can be begun, and run at SERIALIZABLE."
        return
    with database_on(service) as url:
        patient = admit(url)
        found = findings(patient)
        assert {finding.status for finding in found.values()} == {"ok"}, found
        assert found["database"].message.startswith({"postgresql": "PostgreSQL ", "mariadb": "MariaDB "}[service])
        assert found["isolation"].message == "Transactions can be begun, and run at READ COMMITTED."
        patient.database.dispose()


def test_a_database_that_is_not_there_fails_and_what_depends_on_it_is_not_checked(admit: Admit) -> None:
    found = findings(admit(ready=False))
    assert found["database"].status == "fail"
    assert found["database"].hint == "Run: lback db init"
    for name in ("schema", "rights", "encoding", "collation", "isolation", "clock", "events"):
        assert found[name] == CheckResult(name, "skipped", "Not checked, as the check of database failed.")


def test_a_server_that_does_not_answer_fails(admit: Admit) -> None:
    pytest.importorskip("psycopg")
    found = findings(admit("postgresql+psycopg://app:s3cret@127.0.0.1:1/app", ready=False))
    assert found["database"].status == "fail"
    assert "s3cret" not in str(found)


def test_a_file_that_is_no_database_fails(admit: Admit) -> None:
    patient = admit(ready=False)
    (patient.directory / "users.db").write_text("Remember the milk. " * 100)
    with pytest.raises(DatabaseError):
        check_database(patient)
    assert findings(patient)["database"].hint == "Check the path in database.url."


def test_the_embedded_database_may_be_missing(admit: Admit, monkeypatch: pytest.MonkeyPatch) -> None:
    patient = admit("", ready=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(patient.directory))
    found = findings(patient)
    assert [finding for finding in found.values() if finding.status != "ok"] == [
        CheckResult(name, "skipped", "Not checked, as there is no database yet.")
        for name in ("rights", "encoding", "collation", "isolation", "clock", "events")
    ]
    assert found["database"].message.endswith("will be made on first use.")
    assert not (patient.directory / "lback").exists()


def test_older_tables_fail_with_the_command_that_mends_them(admit: Admit) -> None:
    patient = admit()
    with sqlite3.connect(patient.directory / "users.db") as connection:
        connection.execute("UPDATE lback_alembic_version SET version_num = '0001'")
    connection.close()
    with pytest.raises(SchemaError):
        check_schema(patient)
    found = findings(patient)
    assert (found["schema"].status, found["schema"].hint) == ("fail", "Run: lback db upgrade")
    assert found["events"].message == "Not checked, as the check of schema failed."


def test_a_loose_collation_is_warned_of_by_column(admit: Admit, mariadb_url: str) -> None:
    patient = admit(mariadb_url)
    assert check_collation(patient).status == "ok"
    with patient.database.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE users MODIFY email VARCHAR(255) COLLATE utf8mb4_general_ci NOT NULL")
    found = check_collation(patient)
    message = "Different names are taken for the same in users.email (utf8mb4_general_ci)."
    assert (found.status, found.message) == ("warn", message)
    patient.database.dispose()


def test_a_nondeterministic_collation_and_citext_are_warned_of(admit: Admit, postgresql_url: str) -> None:
    patient = admit(postgresql_url)
    with patient.database.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
        )
        connection.exec_driver_sql('ALTER TABLE "groups" ALTER name TYPE VARCHAR(255) COLLATE any_case')
    message = "Different names are taken for the same in groups.name (any_case)."
    assert check_collation(patient).message == message
    patient.database.dispose()


def test_a_server_that_only_can_be_read_fails(admit: Admit, postgresql_url: str) -> None:
    admit(postgresql_url)
    patient = admit(f"{postgresql_url}?options=-c%20default_transaction_read_only%3Don", ready=False)
    found = check_rights(patient)
    message = "The database lets this user only read (default_transaction_read_only)."
    assert (found.status, found.message) == ("fail", message)
    assert found.hint == "Take default_transaction_read_only out of database.url, or out of PGOPTIONS."
    patient.database.dispose()


def test_a_server_that_may_lose_commits_is_warned_of(admit: Admit, postgresql_url: str) -> None:
    patient = admit(postgresql_url)
    name = patient.database.url.database
    with patient.database.engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET synchronous_commit = off")
    patient.database.dispose()
    found = check_isolation(patient)
    assert (found.status, found.message, found.hint) == (
        "warn",
        "The database may lose what was committed last when it fails (synchronous_commit).",
        f"Run: ALTER ROLE root IN DATABASE {name} SET synchronous_commit = on",
    )
    patient.database.dispose()


def test_a_server_that_cuts_what_is_too_long_fails(admit: Admit, mariadb_url: str) -> None:
    admit(mariadb_url)
    strict = "SET GLOBAL sql_mode = CONCAT_WS(',', @@GLOBAL.sql_mode, 'STRICT_TRANS_TABLES')"
    patient = admit(f"{mariadb_url}&init_command=SET%20sql_mode%3D%27%27", ready=False)
    found = check_isolation(patient)
    assert (found.status, found.message, found.hint) == (
        "fail",
        "The database cuts what is too long instead of refusing it (sql_mode has no STRICT_TRANS_TABLES).",
        f"Take sql_mode out of database.url, or run: {strict}, and write it into the server's configuration.",
    )
    patient.database.dispose()


def test_a_locked_file_fails_and_one_without_wal_is_warned_of(admit: Admit) -> None:
    patient = admit()
    other = sqlite3.connect(patient.directory / "users.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    found = findings(patient)["isolation"]
    assert (found.status, "is locked" in found.message) == ("fail", True)
    other.execute("ROLLBACK")
    other.execute("PRAGMA journal_mode = DELETE")
    other.close()
    found = findings(patient)["isolation"]
    assert (found.status, found.message, found.hint) == (
        "warn",
        "The database is kept with journal_mode delete, in which readers and writers wait for each other.",
        f"If no application minds, run: sqlite3 {patient.directory}/users.db 'PRAGMA journal_mode = WAL'",
    )


def test_looking_changes_nothing(admit: Admit) -> None:
    patient = admit()
    path = patient.directory / "users.db"
    before = path.read_bytes()
    assert findings(patient)
    patient.database.dispose()
    assert path.read_bytes() == before
    assert sorted(item.name for item in patient.directory.iterdir()) == ["users.db"]
    assert isinstance(patient.database, Database)
