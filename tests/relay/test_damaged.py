"""An event that was damaged in the database: only the sinks that should get it fail, and say so."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import make_url

from lback_cli.errors import BrokenEventLog, DatabaseError
from lback_cli.relay.worker import RelayReport
from lback_cli.settings import SinkSettings

from .consumers import Endpoint, eventually
from .harness import World

DAMAGED = "Event 3: its data is damaged"
IMPOSSIBLE = "Event 3: it has a value that no event can have"

Endpoints = Callable[..., Endpoint]


def damage(world: World, assignment: str) -> None:
    """Change event 3, which is a registration. The others are failed logins, except the last."""
    world.fail("nobody")
    world.fail("nobody")
    world.add_events(1)
    world.fail("nobody")
    world.add_events(1)
    change(world, assignment)


def change(world: World, assignment: str) -> None:
    connection = sqlite3.connect(str(make_url(world.url).database))
    connection.execute(f"UPDATE lback_events SET {assignment} WHERE seq = 3")
    connection.commit()
    connection.close()


def numbers(other: Endpoint) -> list[int]:
    return [one.seq for one in other.received()]


@pytest.mark.parametrize(
    ("assignment", "error"),
    [
        ("data = '{\"user\": '", DAMAGED),
        ("data = '[]'", DAMAGED),
        ("data = 5", DAMAGED),
        ("data = x'ff7b'", DAMAGED),
        ("data = '{\"limit\":NaN}'", IMPOSSIBLE),
        ("subject = x'ff'", IMPOSSIBLE),
        ("actor = x'ff'", IMPOSSIBLE),
    ],
)
def test_only_the_sink_that_should_get_the_event_fails(
    world: World, endpoint: Endpoints, assignment: str, error: str
) -> None:
    every, failed = endpoint(), endpoint()
    sinks: dict[str, SinkSettings] = {
        "every": every.settings,
        "failed": replace(failed.settings, signals=("user_authentication_failed",)),
    }
    damage(world, assignment)
    assert world.once(**sinks) == {
        "every": RelayReport("every", delivered=2, position=2, error=error),
        "failed": RelayReport("failed", delivered=3, position=5),
    }
    assert numbers(every) == [1, 2]
    assert numbers(failed) == [1, 2, 4]
    assert world.observer.reports == [("failing", "every", error)]
    world.admin(sinks).replay("every", 4)
    assert world.once(**sinks)["every"] == RelayReport("every", delivered=2, position=5)
    assert numbers(every) == [1, 2, 4, 5]


@pytest.mark.parametrize("data", ['{"changes":"staff",', '["staff"]'])
def test_sink_of_a_group_fails_if_the_event_may_be_about_the_group(
    world: World, endpoint: Endpoints, data: str
) -> None:
    failed, staff, other = endpoint(), endpoint(), endpoint()
    damage(world, f"data = '{data}'")
    sinks: dict[str, SinkSettings] = {
        "failed": replace(failed.settings, signals=("user_authentication_failed",)),
        "staff": replace(staff.settings, groups=("staff",)),
        "other": replace(other.settings, groups=("other",)),
    }
    assert world.once(**sinks) == {
        "failed": RelayReport("failed", delivered=3, position=5),
        "staff": RelayReport("staff", error=DAMAGED),
        "other": RelayReport("other", position=5),
    }
    assert [(status.name, status.lag) for status in world.admin(sinks).sinks()] == [
        ("failed", 0),
        ("other", 0),
        ("staff", 1),
    ]


@pytest.mark.parametrize("data", ['{"changes":"staff"}', '{"changes":{"groups":"staff"}}', '{"group":"staff"}'])
def test_sink_of_a_group_gets_an_event_whose_data_can_be_sent(world: World, endpoint: Endpoints, data: str) -> None:
    staff = endpoint()
    damage(world, f"data = '{data}'")
    assert world.once(staff=replace(staff.settings, groups=("staff",)))["staff"].error is None
    assert numbers(staff) == [3]


def test_running_relay_goes_on_with_the_other_sinks(world: World, endpoint: Endpoints) -> None:
    every, failed = endpoint(), endpoint()
    damage(world, "data = '['")
    chosen = replace(failed.settings, signals=("user_authentication_failed",))
    with world.relaying(every=every.settings, failed=chosen):
        eventually(lambda: world.position("failed") == 5 and world.sink("every").failures > 2)
        world.fail("nobody")
        eventually(lambda: len(failed.taken) == 4)
    assert world.observer.reports == [("failing", "every", DAMAGED)]
    assert numbers(every) == [1, 2]


def test_event_that_the_database_cannot_read_ends_only_its_sink(world: World, endpoint: Endpoints) -> None:
    every, failed = endpoint(), endpoint()

    def answer_late(_request: Any, _handler: Any) -> int:
        time.sleep(0.3)
        return 200

    failed.answer = answer_late
    damage(world, "subject = CAST(x'ff' AS TEXT)")
    sinks: dict[str, Any] = {
        "every": every.settings,
        "failed": replace(failed.settings, signals=("user_authentication_failed",)),
    }
    with pytest.raises(DatabaseError, match="Could not decode to UTF-8 column"):
        world.once(**sinks)
    assert world.position("every") == 2
    assert numbers(failed) == [1, 2, 4]


def test_damaged_dead_letter_is_refused(world: World, endpoint: Endpoints) -> None:
    every = endpoint()
    every.answer = lambda _request, _handler: 422
    damage(world, "actor = actor")
    world.once(it=every.settings)
    change(world, "data = '['")
    with pytest.raises(BrokenEventLog, match=DAMAGED):
        [*world.admin({"it": every.settings}).retry("it", [3])]
    assert [letter.seq for letter in world.admin({}).dead_letters("it")] == [1, 2, 3, 4, 5]
