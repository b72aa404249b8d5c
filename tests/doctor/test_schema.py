"""Tables of the right version that lack a table, a column or an index."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lback_cli.database.schema import REVISION
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import check_schema
from lback_cli.doctor.result import CheckResult

from .harness import results_of

MakeContext = Callable[..., CheckContext]

OK = CheckResult("schema", "ok", f"Schema is up to date ({REVISION}).")


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def context(request: pytest.FixtureRequest, make_context: MakeContext, database_on: Any) -> Iterator[CheckContext]:
    if request.param == "sqlite":
        yield make_context()
        return
    with database_on(request.param) as url:
        context = make_context(url)
        yield context
        context.database.dispose()


def execute(context: CheckContext, *statements: str) -> None:
    with context.database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_missing_unique_index_fails_with_the_statement_that_creates_it(context: CheckContext) -> None:
    assert check_schema(context) == OK
    on = " ON users" if context.database.url.get_backend_name() == "mariadb" else ""
    execute(context, f"DROP INDEX ix_users_username{on}", "CREATE INDEX lookup ON users (username)")
    statement = "CREATE UNIQUE INDEX ix_users_username ON users (username)"
    assert check_schema(context) == CheckResult(
        "schema",
        "fail",
        "The unique index on users (username) is missing, so duplicates are possible.",
        f"Run: {statement}",
    )
    execute(context, statement)
    assert check_schema(context) == OK


def test_missing_table_and_column_fail(context: CheckContext) -> None:
    execute(context, "ALTER TABLE lback_sinks RENAME TO sinks", "ALTER TABLE lback_events DROP COLUMN outcome")
    results = results_of(context.settings)
    assert results["schema"] == CheckResult(
        "schema",
        "fail",
        "The column lback_events.outcome is missing. The table lback_sinks is missing.",
        "Restore it from a backup; no migration creates it again.",
    )
    assert {results[name].message for name in ("rights", "events")} == {"Not checked: the check of schema failed."}


def test_prefix_index_and_dropped_primary_key_count_as_missing(make_context: MakeContext, mariadb_url: str) -> None:
    context = make_context(mariadb_url)
    execute(
        context,
        "ALTER TABLE users DROP INDEX ix_users_email, ADD UNIQUE INDEX beginnings (email(8))",
        "ALTER TABLE lback_dead_letters DROP PRIMARY KEY",
    )
    assert check_schema(context).message == (
        "The unique index on lback_dead_letters (sink, seq) is missing, so duplicates are possible. "
        "The unique index on users (email) is missing, so duplicates are possible."
    )
