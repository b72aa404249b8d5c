"""An event log whose head was deleted."""

import sqlite3
from contextlib import closing
from typing import Any

import pytest

MESSAGE = (
    "error: The event log has lost its head: the row of lback_event_head is gone.\n"
    "       'lback doctor' shows the damage; see docs/event-log.md.\n"
)


@pytest.fixture
def headless(lback: Any) -> Any:
    assert lback("group", "create", "staff").status == 0
    with sqlite3.connect(lback.database) as connection:
        connection.execute("DELETE FROM lback_event_head")
    connection.close()
    return lback


def test_operations_fail_with_the_reason(headless: Any) -> None:
    done = headless(
        "user", "register", "ann", "--email", "a@example.org", "--password-stdin", input="purple giraffes yodel at dusk"
    )
    assert (done.status, done.out) == (9, "")
    assert done.err.endswith(MESSAGE)
    listed = headless("user", "list", "-o", "json")
    assert (listed.status, listed.result, listed.err) == (0, [], "")


def test_read_commands_work(headless: Any) -> None:
    for command in ("user list", "group list", "events list"):
        assert headless(*command.split()).status == 0, command


def test_an_empty_log_beside_users_is_not_intact(lback: Any) -> None:
    register = ("user", "register", "ann", "--email", "ann@example.org", "--invite", "-q")
    assert lback(*register).status == 0
    with closing(sqlite3.connect(lback.database)) as database, database:
        database.execute("DELETE FROM lback_events")
        database.execute("UPDATE lback_event_head SET seq = 0, hash = ?", ("0" * 64,))
    outcome = lback("events", "verify")
    assert (outcome.status, outcome.err.splitlines()[0]) == (
        7,
        "error: Event 1: it is missing: there are users, but not one event.",
    )
