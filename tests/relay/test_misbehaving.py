"""Servers that are silent, talk nonsense or break off: a failure of their own sink, in time, and of no other.

They break off after some of the bytes that a real server says, or with THOROUGH set after each of them.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import product
from typing import Any
from urllib.parse import urlsplit

import pytest

from lback_cli.relay.worker import RelayReport
from lback_cli.settings import SinkSettings

from .conftest import KINDS
from .harness import World
from .peers import Peer, Script, breaks_off, closes, drips, forwards, lies, stalls
from .test_killing import PROGRAM

TIMEOUT = 0.6
MOST_STEPS = None if "THOROUGH" in os.environ else 12
AT_ONCE = 30
"""Sinks of one relay, so that their threads are not what takes the time."""

ENDS_THE_PROCESS = ("kafka", "lies")
"""The client of Kafka, librdkafka, aborts the process at some impossible numbers."""

BEHAVIOURS = {"stalls": stalls, "closes": closes, "lies": lies, "drips": drips}

Consumers = Callable[[str], Any]


@pytest.fixture
def peers() -> Iterator[Callable[[Script], Peer]]:
    with ExitStack() as running:
        yield lambda script: running.enter_context(Peer(script))


@pytest.fixture
def real_server(consumer: Consumers, endpoint: Callable[..., Any]) -> Consumers:
    """Like the fixture ``consumer``, with a webhook without TLS, which a proxy can read."""
    return lambda kind: endpoint(encrypted=False) if kind == "webhook" else consumer(kind)


def through(sink: SinkSettings, port: int) -> SinkSettings:
    """Return *sink* with a proxy on *port* in front of its server."""
    parts = urlsplit(sink.url)
    login, at, _ = parts.netloc.rpartition("@")
    return replace(sink, url=parts._replace(netloc=f"{login}{at}127.0.0.1:{port}").geturl(), timeout=TIMEOUT)


def assert_failed_alone(world: World, fine: Any, broken: dict[str, SinkSettings]) -> dict[str, RelayReport]:
    """Relay three events to *fine* and to *broken*, whose servers never take all; return the reports of *broken*."""
    world.add_events(3 - len(world.ids))
    world.admin({"fine": fine.settings}).replay("fine", 1)
    started = time.monotonic()
    reports = world.once(fine=fine.settings, **broken)
    elapsed = time.monotonic() - started
    assert reports.pop("fine") == RelayReport("fine", delivered=3, position=3)
    for report in reports.values():
        # The status of a webhook counts, whatever follows it.
        assert report.error or report == RelayReport(report.sink, delivered=3, position=3)
        assert "\n" not in str(report.error)
        assert report.dead == 0
    assert elapsed < 10 * TIMEOUT, "the timeout limits the whole delivery, and not each byte"
    return reports


@pytest.mark.parametrize("kind", KINDS)
def test_server_that_never_speaks_its_protocol(
    world: World, real_server: Consumers, consumer: Consumers, peers: Callable[[Script], Peer], kind: str
) -> None:
    sink = real_server(kind).settings
    broken = {name: through(sink, peers(behaviour).port) for name, behaviour in BEHAVIOURS.items()}
    reports = assert_failed_alone(world, consumer("redis"), broken)
    assert {report.position for report in reports.values()} == {0}
    assert all(report.error for report in reports.values())
    assert reports["stalls"].error == f"no answer within {TIMEOUT:g} s"


@pytest.mark.parametrize("case", [*product(KINDS, BEHAVIOURS)], ids="-".join)
def test_server_that_breaks_off_in_the_middle(
    world: World, real_server: Consumers, consumer: Consumers, case: tuple[str, str]
) -> None:
    kind, behaviour = case
    other = real_server(kind)
    port = urlsplit(other.settings.url).port
    assert port is not None
    world.add_events(1)
    said = 0

    def count(data: bytes) -> bytes:
        nonlocal said
        said += len(data)
        return data

    with Peer(forwards(port, count)) as peer:
        assert world.once(whole=through(other.settings, peer.port))["whole"].delivered == 1
    fine = consumer("redis")
    distance = 1 if MOST_STEPS is None else max(1, said // MOST_STEPS)
    for steps in batched(sorted({*range(1, said - 1, distance), said - 1})):
        with ExitStack() as running:
            broken = {}
            for step in steps:
                peer = running.enter_context(Peer(breaks_off(port, step, BEHAVIOURS[behaviour])))
                broken[f"cut{step}"] = through(other.settings, peer.port)
            if (kind, behaviour) == ENDS_THE_PROCESS:
                relay_apart(world, broken)
                reports = assert_failed_alone(world, fine, {})
                assert world.admin({}).dead_letters(None) == []
            else:
                reports = assert_failed_alone(world, fine, broken)
        assert kind == "webhook" or all(report.error for report in reports.values())


def relay_apart(world: World, broken: dict[str, SinkSettings]) -> None:
    """Relay three events to *broken*, whose servers never take all, in another process, which may be aborted."""
    world.add_events(3 - len(world.ids))
    keys: dict[str, dict[str, Any]] = {
        name: {"url": sink.url, "topic": getattr(sink, "topic", None), "timeout": TIMEOUT, "signals": []}
        for name, sink in broken.items()
    }
    program = [sys.executable, str(PROGRAM), world.url, json.dumps(keys), "0", "0", "0"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    aborted = (done.returncode, done.stdout) == (0, "1\n")
    assert aborted or "attempt 0 failed with 512" in done.stderr, done.stderr
    assert all(world.position(name) < len(world.ids) for name in broken)


def batched(steps: list[int]) -> Iterator[list[int]]:
    """Yield *steps* in lists of `AT_ONCE`."""
    for start in range(0, len(steps), AT_ONCE):
        yield steps[start : start + AT_ONCE]
