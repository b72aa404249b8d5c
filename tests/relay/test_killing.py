"""kill -9 at any moment: no event is lost or out of order, and each kill duplicates at most one.

With THOROUGH set, the consumer rebuilds the users after 50 kills and at least 1,000 operations.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.events.random_history import RandomHistory, WideInstallation, rebuilt

from .conftest import KINDS
from .consumers import without_duplicates
from .harness import World

PROGRAM = Path(__file__).with_name("kill_relay.py")
THOROUGH = "THOROUGH" in os.environ
KEYS = ("url", "secrets", "stream", "routing_key", "subject", "topic", "timeout")


def relay_while_killed(
    world: World,
    others: Mapping[str, Any],
    *,
    kills: int,
    longest: int,
    seed: int = 1,
    step: int = 100,
    add_events: Callable[[int], object] | None = None,
) -> int:
    """Relay new events to *others* while being killed, check what arrived, and return the number of kills.

    Before each start, *add_events* is called with *step*; by default it adds that many registrations.
    """
    sinks = {
        name: {key: getattr(other.settings, key) for key in KEYS if hasattr(other.settings, key)}
        | ({} if other.settings.ca_file is None else {"ca_file": str(other.settings.ca_file)})
        for name, other in others.items()
    }
    killed = 0
    while killed < kills:
        (add_events or world.add_events)(step)
        program = [sys.executable, str(PROGRAM), world.url, json.dumps(sinks)]
        numbers = [kills - killed, longest, seed + killed]
        done = subprocess.run([*program, *map(str, numbers)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        killed += int(done.stdout)
        seed += 1
    ids = world.ids
    for name, other in others.items():
        received = other.received()
        assert [*without_duplicates(received)] == [*range(1, len(ids) + 1)], name
        assert {one.id for one in received} == {*ids}, name
        duplicated = len(received) - len(ids)
        assert duplicated <= killed, f"{name}: {duplicated} duplicated by {killed} kills"
        sys.stdout.write(f"{name}: {len(ids)} events, {killed} kills, {duplicated} duplicated\n")
        assert world.sink(name).position == len(ids)
    return killed


@pytest.mark.parametrize("kind", KINDS)
def test_consumer_rebuilds_the_users_from_the_feed_of_a_killed_relay(
    world: World, consumer: Callable[[str], Any], kind: str, tmp_path: Path
) -> None:
    installation = WideInstallation(world.url, tmp_path)
    history = RandomHistory(installation, seed=len(kind))
    other = consumer(kind)

    def add_events(steps: int) -> None:
        for _ in range(steps):
            history.step()

    kills, step = (50, 1000) if THOROUGH else (5, 60)
    relay_while_killed(world, {"it": other}, kills=kills, longest=100, step=step, add_events=add_events)

    feed = {one.seq: as_exported(one.event) for one in other.received()}
    unknown = installation.incomplete()
    found, expected = rebuilt(feed.values()), installation.users_by_id()
    assert {user_id: user for user_id, user in found.items() if user_id not in unknown} == {
        user_id: user for user_id, user in expected.items() if user_id not in unknown
    }
    installation.database.dispose()


def as_exported(event: Any) -> dict[str, Any]:
    """Return what an exported event has in common with the CloudEvent *event*."""
    body = event.get_data()
    signal = event.get_attributes()["type"].split(".")[2]
    data = {**(body["arguments"] or {}), "changes": body.get("changes", {})}
    return {"signal": signal, "subject_id": body["subject_id"], "data": data}


@pytest.mark.parametrize("kind", KINDS)
def test_killed_relay_loses_no_event(world: World, consumer: Callable[[str], Any], kind: str) -> None:
    assert relay_while_killed(world, {"it": consumer(kind)}, kills=8, longest=150, step=300) >= 8
