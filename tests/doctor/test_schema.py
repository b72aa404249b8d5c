"""Tables of the right version of which something is missing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import check_schema
from lback_cli.doctor.result import CheckResult
from lback_cli.doctor.runner import Doctor

Admit = Callable[..., CheckContext]

GOOD = CheckResult("schema", "ok", "The tables have version 0004, as needed, and nothing of them is missing.")
RESTORE = "Restore it from a backup; no migration makes it again."


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def patient(request: pytest.FixtureRequest, admit: Admit, database_on: Any) -> Iterator[CheckContext]:
    if request.param == "sqlite":
        yield admit()
        return
    with database_on(request.param) as url:
        admitted = admit(url)
        yield admitted
        admitted.database.dispose()


def execute(patient: CheckContext, *statements: str) -> None:
    with patient.database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_unique_index_that_is_gone_is_named_with_the_statement_that_makes_it(patient: CheckContext) -> None:
    assert check_schema(patient) == GOOD
    on = " ON users" if patient.database.url.get_backend_name() == "mariadb" else ""
    execute(patient, f"DROP INDEX ix_users_username{on}", "CREATE INDEX lookup ON users (username)")
    found = check_schema(patient)
    statement = "CREATE UNIQUE INDEX ix_users_username ON users (username)"
    assert found == CheckResult(
        "schema",
        "fail",
        "Nothing keeps users from holding the same username twice: the unique index is missing.",
        f"Run: {statement}",
    )
    execute(patient, statement)
    assert check_schema(patient) == GOOD


def test_a_table_and_a_column_that_are_gone_are_named(patient: CheckContext) -> None:
    execute(patient, "ALTER TABLE lback_sinks RENAME TO sinks", "ALTER TABLE lback_events DROP COLUMN outcome")
    findings = {finding.check: finding for finding in Doctor(lambda: patient.settings).run_checks()}
    assert findings["schema"] == CheckResult(
        "schema",
        "fail",
        "The column lback_events.outcome is missing. The table lback_sinks is missing.",
        RESTORE,
    )
    assert {findings[name].message for name in ("rights", "events")} == {"Not checked, as the check of schema failed."}


def test_half_of_a_key_protects_nothing(admit: Admit, mariadb_url: str) -> None:
    patient = admit(mariadb_url)
    execute(
        patient,
        "ALTER TABLE users DROP INDEX ix_users_email, ADD UNIQUE INDEX beginnings (email(8))",
        "ALTER TABLE lback_dead_letters DROP PRIMARY KEY",
    )
    assert check_schema(patient).message == (
        "Nothing keeps lback_dead_letters from holding the same sink and seq twice: the unique index is missing. "
        "Nothing keeps users from holding the same email twice: the unique index is missing."
    )
    patient.database.dispose()
