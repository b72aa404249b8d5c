"""Databases and tables that cannot store every character."""

from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.database.schema import Schema
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import check_encoding
from lback_cli.doctor.result import CheckResult

from .harness import results_of

MakeContext = Callable[..., CheckContext]

OK = CheckResult("encoding", "ok", "Every Unicode character can be stored.")


def test_new_databases_store_every_character(make_context: MakeContext, postgresql_url: str, mariadb_url: str) -> None:
    for url in (None, postgresql_url, mariadb_url):
        assert check_encoding(make_context(url)) == OK


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_database_in_another_encoding_fails_and_the_other_checks_still_run(
    make_context: MakeContext, database_on: Any, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Older versions of lback adopted such a database.
    monkeypatch.setattr(Schema, "_require_utf8", lambda *_: None)
    with database_on("postgresql", f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0") as url:
        context = make_context(url)
        assert check_encoding(context) == CheckResult(
            "encoding",
            "fail",
            f"The database has the encoding {encoding}, not UTF8.",
            "Run: CREATE DATABASE another ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0; then 'lback db copy' to it.",
        )
        results = results_of(context.settings)
        context.database.dispose()
    assert len(results) == 17


def alter(context: CheckContext, statement: str) -> None:
    with context.database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    context.database.dispose()


def test_table_of_lback_in_another_character_set_fails_until_the_hint_is_followed(
    make_context: MakeContext, mariadb_url: str
) -> None:
    context = make_context(mariadb_url)
    alter(context, "ALTER TABLE lback_events MODIFY actor VARCHAR(255) CHARACTER SET latin1 NOT NULL")
    assert check_encoding(context) == CheckResult(
        "encoding",
        "fail",
        "lback_events has the character set latin1, not utf8mb4 (actor).",
        "Run: ALTER TABLE lback_events CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    )
    alter(context, "ALTER TABLE lback_events CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    assert check_encoding(context) == OK


def test_application_column_in_utf8mb3_warns(make_context: MakeContext, mariadb_url: str) -> None:
    context = make_context(mariadb_url)
    alter(context, "ALTER TABLE users MODIFY email VARCHAR(255) CHARACTER SET utf8mb3 NOT NULL")
    assert check_encoding(context) == CheckResult(
        "encoding",
        "warn",
        "users has the character set utf8mb3, not utf8mb4 (email).",
        "Convert these columns of users to utf8mb4, if the application allows it.",
    )
