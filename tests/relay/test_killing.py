"""kill -9 at any moment: no event is lost or out of order, and each kill duplicates at most one.

With THOROUGH set, the relay is killed a hundred times while it sends 3,000 events or more, and the consumer rebuilds
the users after 50 kills and at least 1,000 operations.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.events.random_history import RandomHistory, WideInstallation, rebuilt

from .conftest import KINDS
from .consumers import without_duplicates
from .harness import World

PROGRAM = Path(__file__).with_name("kill_relay.py")
THOROUGH = "THOROUGH" in os.environ
KEYS = ("url", "secrets", "stream", "routing_key", "subject", "topic", "timeout")
KILLS, LONGEST, STEP = (100, 200, 3000) if THOROUGH else (8, 150, 300)


class Choosing(NamedTuple):
    """A consumer that gets only the events of *signals*."""

    consumer: Any
    signals: tuple[str, ...]


def relay_while_killed(
    world: World,
    others: Mapping[str, Choosing],
    *,
    kills: int,
    longest: int,
    seed: int = 1,
    step: int = 100,
    add_events: Callable[[int], object] | None = None,
) -> int:
    """Relay new events to *others* while being killed, check what arrived, and return the number of kills.

    Before each start, *add_events* is called with *step*; by default it adds that many registrations and failed logins.
    """
    sinks = {name: _keys(other) for name, other in others.items()}
    killed = 0
    while killed < kills:
        (add_events or world.add_mixed_events)(step)
        program = [sys.executable, str(PROGRAM), world.url, json.dumps(sinks)]
        numbers = [kills - killed, longest, seed + killed]
        done = subprocess.run([*program, *map(str, numbers)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        killed += int(done.stdout)
        seed += 1
    for name, (other, signals) in others.items():
        received, chosen = other.received(), world.events(signals)
        assert [*without_duplicates(received)] == [*chosen], name
        assert {one.id for one in received} == {*chosen.values()}, name
        if signals:
            counted = {one.seq: int(one.event.get_attributes()["sinksequence"]) for one in received}
            assert counted == {seq: number for number, seq in enumerate(chosen, start=1)}, name
        duplicated = len(received) - len(chosen)
        assert duplicated <= killed, f"{name}: {duplicated} duplicated by {killed} kills"
        sys.stdout.write(f"{name}: {len(chosen)} events, {killed} kills, {duplicated} duplicated\n")
        assert world.sink(name).position == len(world.ids)
    return killed


def _keys(other: Choosing) -> dict[str, Any]:
    """Return the keys of a sink, as JSON can have them."""
    settings = other.consumer.settings
    keys: dict[str, Any] = {key: getattr(settings, key) for key in KEYS if hasattr(settings, key)}
    if settings.ca_file is not None:
        keys["ca_file"] = str(settings.ca_file)
    return keys | {"signals": other.signals}


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
    relay_while_killed(world, {"it": Choosing(other, ())}, kills=kills, longest=100, step=step, add_events=add_events)

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
    """One relay with a sink for all events, and two that choose."""
    choices = {"all": (), "registered": ("user_registered",), "failed": ("user_authentication_failed", "user_deleted")}
    others = {name: Choosing(consumer(kind), signals) for name, signals in choices.items()}
    assert relay_while_killed(world, others, kills=KILLS, longest=LONGEST, step=STEP) >= KILLS
