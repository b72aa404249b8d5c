"""Databases and connections that cannot take every character."""

from collections.abc import Callable
from typing import Any

import pytest

from lback_cli.database.schema import Schema
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.database import check_encoding
from lback_cli.doctor.result import CheckResult
from lback_cli.doctor.runner import Doctor

Admit = Callable[..., CheckContext]

ANOTHER = "Run: CREATE DATABASE another ENCODING 'UTF8' LOCALE 'C' TEMPLATE template0; then 'lback db copy' to it."


def test_what_lback_makes_takes_every_character(admit: Admit, postgresql_url: str, mariadb_url: str) -> None:
    for url in (None, postgresql_url, mariadb_url):
        patient = admit(url)
        assert check_encoding(patient) == CheckResult("encoding", "ok", "Every character of Unicode can be stored.")
        patient.database.dispose()


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_in_another_encoding_fails_and_breaks_no_check(
    admit: Admit, database_on: Any, encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As an application's may be that was adopted before lback looked at that.
    monkeypatch.setattr(Schema, "_require_any_text", lambda *_: None)
    with database_on("postgresql", f"ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0") as url:
        patient = admit(url)
        message = f"The database is encoded in {encoding}, which is not UTF8."
        assert check_encoding(patient) == CheckResult("encoding", "fail", message, ANOTHER)
        found = list(Doctor(lambda: patient.settings).run_checks())
        patient.database.dispose()
    assert (len(found), len({finding.check for finding in found})) == (14, 14)


def alter(patient: CheckContext, statement: str) -> None:
    with patient.database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    patient.database.dispose()


def test_tables_of_mariadb_in_another_encoding_fail_until_the_hints_were_followed(
    admit: Admit, mariadb_url: str
) -> None:
    patient = admit(mariadb_url)
    alter(patient, "ALTER TABLE lback_events MODIFY actor VARCHAR(255) CHARACTER SET latin1 NOT NULL")
    assert check_encoding(patient) == CheckResult(
        "encoding",
        "fail",
        "lback_events is encoded in latin1, which is not utf8mb4 (actor).",
        "Run: ALTER TABLE lback_events CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    )
    alter(patient, "ALTER TABLE lback_events CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
    assert check_encoding(patient) == CheckResult("encoding", "ok", "Every character of Unicode can be stored.")
    patient.database.dispose()


def test_an_applications_columns_may_lack_rare_letters(admit: Admit, mariadb_url: str) -> None:
    patient = admit(mariadb_url)
    alter(patient, "ALTER TABLE users MODIFY email VARCHAR(255) CHARACTER SET utf8mb3 NOT NULL")
    assert check_encoding(patient) == CheckResult(
        "encoding",
        "warn",
        "users is encoded in utf8mb3, which is not utf8mb4 (email).",
        "Where the application allows it, convert these columns of users to utf8mb4.",
    )
    patient.database.dispose()
