"""Errors of a server: one sentence, without the password and without bound values."""

import re
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from lback_cli.database.engine import Database
from lback_cli.errors import ConfigurationError, DatabaseError, LbackError
from lback_cli.models import User
from lback_cli.settings import DatabaseSettings

from .database import Installation

CANARY = "canary-7f3a91"
NOW = datetime(2026, 3, 4, tzinfo=UTC)


def duplicate(installation: Installation, value: str) -> None:
    with installation.database.session() as session:
        for name in ("one", "two"):
            row = User(username=name, email=value, password_hash=value, created_at=NOW, updated_at=NOW)
            session.add(row)
            session.flush()


def missing(installation: Installation, value: str) -> None:
    """PostgreSQL's message contains the whole row."""
    with installation.database.session() as session:
        statement = "INSERT INTO users (username, email, password, created_at) VALUES (:a, :b, :c, :d)"
        session.execute(text(statement), {"a": value, "b": value, "c": value, "d": NOW})


def wrong_type(installation: Installation, value: str) -> None:
    with installation.database.session() as session:
        statement = "INSERT INTO lback_event_head (id, seq, hash) VALUES (2, :value, '')"
        session.execute(text(statement), {"value": value})


def too_long(installation: Installation, value: str) -> None:
    with installation.database.session() as session:
        statement = "INSERT INTO lback_event_head (id, seq, hash) VALUES (2, 0, :value)"
        session.execute(text(statement), {"value": value * 20})


def bad_syntax(installation: Installation, value: str) -> None:
    with installation.database.session() as session:
        session.execute(text("SELECT FROM WHERE :value"), {"value": value})


@pytest.mark.parametrize("value", [CANARY, f"it's {CANARY}", f'"{CANARY}"', f"a\n{CANARY}\n'", f"t {CANARY} `"])
@pytest.mark.parametrize("fail", [duplicate, missing, wrong_type, too_long, bad_syntax])
def test_errors_and_tracebacks_show_no_bound_value(
    installation: Installation, fail: Callable[[Installation, str], None], value: str
) -> None:
    with pytest.raises(DatabaseError) as caught:
        fail(installation, value)
    shown = "".join(traceback.format_exception(caught.value)) + f"{caught.value.hint} {caught.value!r}"
    assert CANARY not in shown
    assert caught.value.message.startswith(f"The database {installation.database.name} ")
    assert caught.value.message.endswith(".")


REACH = "Check the host and the port in database.url, and that the server is running."
USER = "Check the user in database.url, and database.password_file."
USER_OR_TLS = "Check the user in database.url, database.password_file, and whether this user must use TLS."
NAME = "Create it there, or check the name in database.url."
OPTIONS = "Check the options after the question mark in database.url; see docs/databases.md."

# (what to change in the URL, the sentence, where "..." are words of the driver's or the system's, and the hint)
UNUSABLE: dict[str, dict[str, tuple[dict[str, Any], str, str | None]]] = {
    "postgresql": {
        "nobody listens": ({"port": 1}, "The database {} cannot be reached: ....", REACH),
        "no such host": ({"host": "ssl-certificate.invalid"}, "The database {} cannot be reached: ....", REACH),
        "no such user": (
            {"username": "nosuch", "password": CANARY},
            "The database {} rejected the user name or the password.",
            USER,
        ),
        "no such database": ({"database": "nosuch"}, "The database {} does not exist on that server.", NAME),
        "no TLS there": (
            {"query": {"sslmode": "require"}},
            "The database {} cannot be reached with these TLS options: ....",
            OPTIONS,
        ),
        "no such option": (
            {"query": {"nosuch": "1"}},
            (
                "The database {} has an option in its URL that the driver does not know: "
                'invalid connection option "nosuch".'
            ),
            OPTIONS,
        ),
    },
    "mariadb": {
        "nobody listens": ({"port": 1}, "The database {} cannot be reached: ....", REACH),
        "no such host": ({"host": "ssl-certificate.invalid"}, "The database {} cannot be reached: ....", REACH),
        "a wrong password": (
            {"password": CANARY},
            "The database {} rejected the user name or the password.",
            USER_OR_TLS,
        ),
        "no such database": ({"database": "nosuch"}, "The database {} does not exist on that server.", NAME),
        "no database": (
            {"database": ""},
            "database.url names no database.",
            "Add the name at the end: mariadb+pymysql://app@db.example.org/app",
        ),
        "no TLS there": (
            {"query": {"ssl_verify_cert": "true"}},
            "The database {} cannot be reached with these TLS options: ....",
            OPTIONS,
        ),
        "no such file": (
            {"query": {"ssl_ca": "/nowhere"}},
            "database.url: ssl_ca cannot be used: No such file or directory.",
            "TLS options are in docs/databases.md.",
        ),
        "no such option": (
            {"query": {"nosuch": "1"}},
            "database.url has an option that mariadb+pymysql does not support.",
            "Check the options after the question mark; see docs/databases.md.",
        ),
    },
}


@pytest.mark.parametrize("case", sorted({case for cases in UNUSABLE.values() for case in cases}))
def test_unusable_server_is_reported_with_a_hint(installation: Installation, case: str) -> None:
    cases = UNUSABLE[installation.database.url.get_backend_name()]
    if case not in cases:
        pytest.skip("another server's case")
    change, message, hint = cases[case]
    database = Database(
        DatabaseSettings(url=installation.database.url.set(**change).render_as_string(hide_password=False)),
    )
    with pytest.raises(LbackError) as caught, database.reading() as session:
        session.execute(text("SELECT 1"))
    database.dispose()
    error = caught.value
    assert type(error) is (DatabaseError if "{}" in message else ConfigurationError)
    assert re.fullmatch(re.escape(message.format(database.name)).replace(r"\.\.\.", "[^\n]+"), error.message)
    assert error.hint == hint
    assert CANARY not in "".join(traceback.format_exception(error))


def test_lost_connection_is_reported(installation: Installation) -> None:
    postgresql = installation.database.url.get_backend_name() == "postgresql"
    kill = "SELECT pg_terminate_backend(pg_backend_pid())" if postgresql else "KILL CONNECTION_ID()"
    with pytest.raises(DatabaseError) as caught, installation.database.session() as session:
        session.execute(text(kill))
    assert caught.value.message == f"The connection to the database {installation.database.name} was lost."
    assert installation.rows("SELECT 1") == [(1,)]


def test_name_contains_no_options_of_the_url(installation: Installation) -> None:
    url = installation.database.url.update_query_dict({"sslpassword": CANARY})
    assert CANARY not in Database(DatabaseSettings(url=url.render_as_string(hide_password=False))).name


SECRETS = [
    "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
    "$2b$12$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
    "pbkdf2_sha256$600000$saltsalt$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc=",
    "{SSHA}bQk8UBVmZZF4Oo79iDXuL50ttZwg2f5U",
    "Wk9vUnBhc3N3b3JkLXRva2VuLW9mLTQzLWNoYXJhY3Q",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_the_exception_of_a_trigger_shows_no_hash_or_token(installation: Installation, secret: str) -> None:
    with installation.database.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            statement = f"DO $x$ BEGIN RAISE EXCEPTION USING MESSAGE = 'no {secret}, go away'; END $x$"
        else:
            statement = f"SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no {secret}, go away'"
    with pytest.raises(DatabaseError) as caught, installation.database.session() as session:
        session.connection().exec_driver_sql(statement)
    cause = caught.value.__cause__
    assert isinstance(cause, DBAPIError)
    # The statement, in which it is a literal, follows the words of the server.
    for shown in (caught.value.message, str(cause.orig), str(cause.args[0])):
        assert "no … go away" in shown
        assert secret not in shown
