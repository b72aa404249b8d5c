"""The checks of the clock and of the event log."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.event_log import check_clock, check_event_log
from lback_cli.doctor.result import CheckResult
from lback_cli.events.hash_chain import GENESIS
from lback_cli.settings import CompatSettings
from lback_cli.text.times import utc_now

MakeContext = Callable[..., CheckContext]
Register = Callable[[CheckContext, str], None]

NTP = "Synchronize the machines' clocks with NTP: links expire, and events are dated, by this clock."


def execute(context: CheckContext, statement: str) -> None:
    with sqlite3.connect(context.directory / "users.db") as connection:
        connection.execute(statement)
    connection.close()


def test_clock_behind_the_newest_event_warns_and_fails(make_context: MakeContext, register: Register) -> None:
    context = make_context()
    ok = CheckResult("clock", "ok", "The clock is not behind the newest event.")
    assert check_clock(context) == ok, "an empty log contradicts no clock"
    register(context, "alice")
    assert check_clock(context) == ok
    for seconds, status in ((1, "ok"), (30, "warn"), (3600, "fail")):
        context.clock = lambda seconds=seconds: utc_now() - timedelta(seconds=seconds)  # type: ignore[misc]
        assert check_clock(context).status == status, seconds
    found = check_clock(context)
    assert found.message.endswith(" s in the future, so a clock was set back.")
    assert found.hint == NTP


@pytest.mark.parametrize("service", ["postgresql", "mariadb"])
@pytest.mark.parametrize(("ahead", "status"), [(0, "ok"), (30, "warn"), (-30, "warn"), (3600, "fail"), (-3600, "fail")])
def test_clock_is_compared_with_the_servers(
    make_context: MakeContext, database_on: Any, service: str, ahead: int, status: str
) -> None:
    with database_on(service) as url:
        context = make_context(url)
        context.clock = lambda: utc_now() + timedelta(seconds=ahead)
        found = check_clock(context)
        context.database.dispose()
    assert found.status == status
    direction = "ahead of" if ahead > 0 else "behind"
    agreement = "The clock agrees with the database server's and is not behind the newest event."
    assert found.message.endswith(agreement if status == "ok" else f"s {direction} the database server's.")


def test_malformed_time_of_an_event_does_not_fail_the_clock(make_context: MakeContext, register: Register) -> None:
    context = make_context()
    register(context, "alice")
    execute(context, "UPDATE lback_events SET time = 'yesterday'")
    assert check_clock(context).status == "ok"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            "DELETE FROM lback_events WHERE seq = 3",
            "The head of the event log names event 3, but the log ends with another event (2).",
        ),
        (
            "UPDATE lback_events SET hash = previous_hash WHERE seq = 3",
            "The head of the event log names event 3, but the log ends with another event (3).",
        ),
        (
            "UPDATE lback_event_head SET seq = 4",
            "The head of the event log names event 4, but the log ends with another event (3).",
        ),
        ("DELETE FROM lback_event_head", "The head of the event log is missing."),
        (
            "DELETE FROM lback_events",
            "The head of the event log names event 3, but the log ends with another event (0).",
        ),
    ],
)
def test_log_that_does_not_end_as_its_head_says_fails(
    make_context: MakeContext, register: Register, damage: str, message: str
) -> None:
    context = make_context()
    register(context, "alice")
    register(context, "bob")
    # The first registration also creates the default group, which is an event of its own.
    ok = CheckResult("events", "ok", "The event log ends with event 3, as its head says.")
    assert check_event_log(context) == ok
    execute(context, damage)
    hint = "Run: lback events verify; see docs/event-log.md."
    assert check_event_log(context) == CheckResult("events", "fail", message, hint)


@pytest.mark.parametrize(
    ("framework", "adopted", "status"),
    [(False, False, "fail"), (True, True, "fail"), (False, True, "fail"), (True, False, "ok")],
)
def test_log_without_events_fails_if_there_are_users(
    make_context: MakeContext, register: Register, framework: bool, adopted: bool, status: str
) -> None:
    context = make_context()
    assert check_event_log(context).status == "ok", "there are no users"
    register(context, "alice")
    execute(context, "DELETE FROM lback_events")
    execute(context, f"UPDATE lback_event_head SET seq = 0, hash = '{GENESIS}'")
    if adopted:
        execute(context, "DROP INDEX ix_user_groups_association_group_id")
    context.settings = replace(context.settings, compat=CompatSettings(lback_framework=framework))
    found = check_event_log(context)
    assert found.status == status
    if status == "fail":
        assert found.message == "There are users, but the event log has not one event."
        assert found.hint == "Run: lback events verify; see docs/event-log.md."
