"""How much later a sink gets its events while another sink stalls.

    python tests/benchmarks/stalls.py [--events 500] [--runs 15]

A relay sends the events of a SQLite file to a webhook on this machine: alone, and beside a sink whose server behaves
badly. Runs alternate. Printed are the times from the first event at the webhook to the last, each the best of all runs,
because other work on the machine only makes them longer.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import multiprocessing
import os
import platform
import sqlite3
import sys
import tempfile
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from lback_cli.relay.relay import INITIAL_BACKOFF
from lback_cli.settings import SinkSettings
from tests.relay.consumers import Endpoint, eventually
from tests.relay.harness import World
from tests.relay.peers import Peer, Script, closes, drips, lies, stalls

TARGET = 1.10

BEHAVIOURS: dict[str, Script] = {
    "says nothing": stalls,
    "sends a byte each 20 ms": drips,
    "talks nonsense": lies,
    "closes at once": closes,
}


def serve(behaviour: Script, pipe: Connection) -> None:
    """Run a server with that *behaviour* until the other end of *pipe* is closed."""
    with Peer(behaviour) as peer:
        pipe.send(peer.port)
        with suppress(EOFError):
            pipe.recv()


def seconds(events: int, port: int | None = None) -> float:
    """Return the time from the first event at a webhook to the last, alone or beside a sink with a server at *port*."""
    with tempfile.TemporaryDirectory() as directory:
        world, endpoint = World.at(Path(directory)), Endpoint(None)
        world.add_events(events)
        sinks: dict[str, SinkSettings] = {"fine": endpoint.settings}
        if port is not None:
            sinks["bad"] = replace(endpoint.settings, url=f"http://127.0.0.1:{port}/", timeout=1.0)
        # The delays of an installation, which those of tests are far below.
        relay = world.relay(sinks, max_backoff=timedelta(minutes=5), initial_backoff=INITIAL_BACKOFF)
        with world.running(relay):
            eventually(lambda: len(endpoint.taken) == events, 300)
        world.close()
        endpoint.close()
        return endpoint.taken[-1].arrived_at - endpoint.taken[0].arrived_at


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--runs", type=int, default=15)
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} CPUs\n")
    times: dict[str, list[float]] = {name: [] for name in ("none", *BEHAVIOURS)}
    ports, pipes = {}, []
    for name, behaviour in BEHAVIOURS.items():
        # In processes of their own, as they would otherwise take time of the relay.
        pipe, other_end = multiprocessing.Pipe()
        multiprocessing.get_context("spawn").Process(target=serve, args=(behaviour, other_end), daemon=True).start()
        ports[name] = pipe.recv()
        pipes.append(pipe)
    for _ in range(options.runs):
        times["none"].append(seconds(options.events))
        for name, port in ports.items():
            times[name].append(seconds(options.events, port))
    for pipe in pipes:
        pipe.close()
    best = {name: min(measured) for name, measured in times.items()}
    print("| the other sink | ms per event | ratio |")
    print("|---|--:|--:|")
    for name, shortest in best.items():
        print(f"| {name} | {1000 * shortest / options.events:.2f} | {shortest / best['none']:.2f} |")
    print(f"\ntarget {TARGET}: {'met' if max(best.values()) <= TARGET * best['none'] else '**missed**'}")


if __name__ == "__main__":
    main()
