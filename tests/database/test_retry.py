"""Which errors of the database are tried again, for every code that PostgreSQL and MariaDB document for them."""

import sqlite3

import pytest
from sqlalchemy.exc import DBAPIError

from lback_cli.database.retry import MAX_ATTEMPTS, MAX_ATTEMPTS_ON_CONFLICT, is_conflict, retried
from lback_cli.errors import DatabaseError

LOST_RACES: list[int | str] = ["40001", 1020, 1213, 1412, 1684]
LOCK_TIMEOUTS: list[int | str] = ["40P01", "55P03", 1205]
NOT_TRIED_AGAIN: list[int | str] = ["23502", "42P01", 1048, 1146]


class PostgreSQLError(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__("refused")
        self.sqlstate = sqlstate


def error_with(code: int | str) -> DBAPIError:
    """Return an error as SQLAlchemy wraps that of a driver: psycopg's with a SQLSTATE, or PyMySQL's with a number."""
    driver_error = PostgreSQLError(code) if isinstance(code, str) else Exception(code, "refused")
    return DBAPIError("UPDATE users", None, driver_error)


def attempts_for(code: int | str) -> int:
    """Return how often work is attempted that always fails with *code*."""
    attempts = 0

    def work() -> None:
        nonlocal attempts
        attempts += 1
        raise DatabaseError("refused") from error_with(code)

    with pytest.raises(DatabaseError, match="refused"):
        retried(work, initial_delay=0.0)
    return attempts


@pytest.mark.parametrize("code", LOST_RACES)
def test_lost_race_is_tried_again(code: int | str) -> None:
    assert is_conflict(error_with(code))
    assert attempts_for(code) == MAX_ATTEMPTS_ON_CONFLICT


@pytest.mark.parametrize("code", LOCK_TIMEOUTS)
def test_lock_timeout_is_tried_again_less_often(code: int | str) -> None:
    assert is_conflict(error_with(code))
    assert attempts_for(code) == MAX_ATTEMPTS


@pytest.mark.parametrize("code", NOT_TRIED_AGAIN)
def test_other_error_is_not_tried_again(code: int | str) -> None:
    assert not is_conflict(error_with(code))
    assert attempts_for(code) == 1


def test_busy_sqlite_file_is_a_conflict() -> None:
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    assert is_conflict(DBAPIError("UPDATE users", None, busy))
