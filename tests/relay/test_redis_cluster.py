"""A cluster of two Redis servers: the sink finds the node that has its stream, also after it was moved."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from lback_cli.relay.worker import RelayReport
from lback_cli.settings.sink_kinds import RedisSettings

from .broker import Broker, free_port
from .consumers import RedisConsumer, eventually, without_duplicates
from .harness import World

SLOTS = 16384


class Node:
    """One server of the cluster."""

    def __init__(self, directory: Path, port: int) -> None:
        directory.mkdir()
        self.url = f"redis://127.0.0.1:{port}"
        ports = ("--port", str(port), "--cluster-port", str(free_port()), "--cluster-enabled", "yes")
        place = ("--bind", "127.0.0.1", "--dir", str(directory), "--save", "")
        self.broker = Broker(["redis-server", *ports, *place], port)
        self.client: Any = redis.Redis.from_url(self.url, decode_responses=True)
        self.id = str(self.ask("MYID"))
        self.bus = ports[3]
        self.port = port

    def ask(self, *words: object) -> object:
        return self.client.execute_command("CLUSTER", *words)


@pytest.fixture
def cluster(redis_url: str, tmp_path: Path) -> Iterator[tuple[Node, Node]]:
    """A node without slots, and one with all of them."""
    del redis_url  # asked for, so that the test is skipped where there is no Redis
    if shutil.which("redis-server") is None:
        pytest.skip("redis runs, but its program is not on this machine")
    with ExitStack() as running:
        nodes = [Node(tmp_path / name, free_port()) for name in ("empty", "full")]
        for node in nodes:
            running.callback(node.broker.kill)
            running.callback(node.client.close)
        empty, full = nodes
        full.ask("ADDSLOTSRANGE", 0, SLOTS - 1)
        empty.ask("MEET", "127.0.0.1", full.port, full.bus)
        eventually(lambda: all("ok" in str(node.ask("INFO")).split("cluster_slots")[0] for node in nodes))
        yield empty, full


def sink_of(node: Node) -> RedisSettings:
    return RedisSettings(url=node.url, stream="lback:events", timeout=3.0)


def test_sink_follows_the_cluster_to_the_node_of_its_stream(world: World, cluster: tuple[Node, Node]) -> None:
    empty, full = cluster
    world.add_events(20)
    assert world.once(it=sink_of(empty)) == {"it": RelayReport("it", delivered=20, position=20)}
    sent = [node.client.info("commandstats")["cmdstat_xadd"] for node in cluster]
    assert [(one["calls"], one["rejected_calls"]) for one in sent] == [(0, 1), (20, 0)]
    assert [one.seq for one in RedisConsumer(full.url, "lback:events").received()] == [*range(1, 21)]


def test_stream_that_moves_loses_no_event(world: World, cluster: tuple[Node, Node]) -> None:
    first, second = cluster[1], cluster[0]
    slot = int(str(first.ask("KEYSLOT", "lback:events")))
    world.add_events(10)
    with world.relaying(it=replace(sink_of(first), url=first.url)):
        eventually(lambda: world.position("it") == 10)
        second.ask("SETSLOT", slot, "IMPORTING", first.id)
        first.ask("SETSLOT", slot, "MIGRATING", second.id)
        first.client.execute_command("MIGRATE", "127.0.0.1", second.port, "lback:events", 0, 3000)
        world.add_events(10)
        eventually(lambda: world.position("it") == 20)
        assert world.sink("it").failures == 0
        for node in (second, first):
            node.ask("SETSLOT", slot, "NODE", second.id)
        world.add_events(10)
        eventually(lambda: world.position("it") == 30)
    received = RedisConsumer(second.url, "lback:events").received()
    assert [*without_duplicates(received)] == [*range(1, 31)]
    assert len(received) == 30
