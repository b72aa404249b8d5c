"""kill -9, at any moment: nothing is lost or out of order, and each kill doubles one event at most."""

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from .conftest import KINDS
from .consumers import first_of_each
from .harness import World

PROGRAM = Path(__file__).with_name("kill_relay.py")
KEYS = ("url", "secrets", "stream", "routing_key", "subject", "timeout")


def kill_again_and_again(
    world: World, others: Mapping[str, Any], *, kills: int, longest: int, seed: int = 1, step: int = 100
) -> int:
    """Relay to *others* while being killed, and check what arrived; the number of kills. Events come in between."""
    sinks = {
        name: {key: getattr(other.settings, key) for key in KEYS}
        | ({} if other.settings.ca_file is None else {"ca_file": str(other.settings.ca_file)})
        for name, other in others.items()
    }
    killed = 0
    while killed < kills:
        world.happen(step)
        program = [sys.executable, str(PROGRAM), world.url, json.dumps(sinks)]
        numbers = [kills - killed, longest, seed + killed]
        done = subprocess.run([*program, *map(str, numbers)], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        killed += int(done.stdout)
        seed += 1
    ids = world.ids
    for name, other in others.items():
        received = other.received()
        assert [*first_of_each(received)] == [*range(1, len(ids) + 1)], name
        assert {one.id for one in received} == {*ids}, name
        doubled = len(received) - len(ids)
        assert doubled <= killed, f"{name}: {doubled} doubled by {killed} kills"
        sys.stdout.write(f"{name}: {len(ids)} events, {killed} kills, {doubled} doubled\n")
        assert world.sink(name).position == len(ids)
    return killed


@pytest.mark.parametrize("kind", KINDS)
def test_a_relay_that_is_killed_loses_nothing(world: World, consumer: Callable[[str], Any], kind: str) -> None:
    assert kill_again_and_again(world, {"it": consumer(kind)}, kills=8, longest=150, step=300) >= 8
