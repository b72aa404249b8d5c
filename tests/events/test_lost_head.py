"""An event log whose head somebody deleted."""

import sqlite3
from typing import Any

import pytest

SAID = (
    "error: The event log has lost its head: the row of lback_event_head is gone.\n"
    "       'lback doctor' tells more; see docs/event-log.md.\n"
)


@pytest.fixture
def beheaded(lback: Any) -> Any:
    assert lback("group", "create", "staff").status == 0
    with sqlite3.connect(lback.database) as connection:
        connection.execute("DELETE FROM lback_event_head")
    connection.close()
    return lback


def test_no_operation_is_done_and_the_reason_is_told(beheaded: Any) -> None:
    done = beheaded(
        "user", "register", "ann", "--email", "a@example.org", "--password-stdin", input="purple giraffes yodel at dusk"
    )
    assert (done.status, done.out) == (9, "")
    assert done.err.endswith(SAID)
    listed = beheaded("user", "list", "-o", "json")
    assert (listed.status, listed.result, listed.err) == (0, [], "")


def test_reading_goes_on(beheaded: Any) -> None:
    for command in ("user list", "group list", "events list"):
        assert beheaded(*command.split()).status == 0, command
