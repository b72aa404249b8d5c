"""Several sinks, several relays, and their administration."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import AMQPError
from sqlalchemy import make_url

from lback_cli.database.schema import Schema
from lback_cli.errors import Conflict, DeadLetterNotFound, EventNotFound, SinkFailed, SinkNotFound
from lback_cli.relay.worker import RelayReport
from lback_cli.settings.sink_kinds import RedisSettings, WebhookSettings

from .broker import Broker, free_port
from .consumers import (
    SECRET,
    Endpoint,
    NatsConsumer,
    RabbitMqConsumer,
    RedisConsumer,
    eventually,
    sequences,
    without_duplicates,
)
from .harness import World

Endpoints = Callable[..., Endpoint]
Consumers = Callable[[str], Any]


def test_slow_sink_delays_no_other(world: World, endpoint: Endpoints, consumer: Consumers) -> None:
    """The slow endpoint answers only when the others have all events."""
    silent, lively, stream = endpoint(), endpoint(), consumer("redis")
    done = []

    def answer(_request: Any, _handler: Any) -> int:
        eventually(lambda: len(lively.taken) == 50 and len(stream.received()) == 50)
        done.append(True)
        return 200

    silent.answer = answer
    world.add_events(50)
    reports = world.once(silent=replace(silent.settings, timeout=30.0), lively=lively.settings, stream=stream.settings)
    assert {name: report.delivered for name, report in reports.items()} == {"silent": 50, "lively": 50, "stream": 50}
    assert len(done) == 50


@pytest.fixture
def broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[str], tuple[Broker, Any]]]:
    """``broker(kind)`` returns a server that writes everything to its disk, and its consumer."""
    running: list[Any] = []

    def start(kind: str) -> tuple[Broker, Any]:
        request.getfixturevalue(f"{kind}_url")
        if kind == "rabbitmq":
            return _rabbitmq(tmp_path, running)
        if shutil.which(f"{kind}-server") is None:
            pytest.skip(f"{kind} runs, but its program is not on this machine")
        port = free_port()
        commands = {
            "redis": [
                *("redis-server", "--bind", "127.0.0.1", "--port", str(port), "--dir", str(tmp_path)),
                *("--save", "", "--appendonly", "yes", "--appendfsync", "always"),
            ],
            "nats": ["nats-server", "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(tmp_path / "nats")],
        }
        made = Broker(commands[kind], port)
        running.append(made)
        kinds: dict[str, Any] = {"redis": RedisConsumer, "nats": NatsConsumer}
        return made, kinds[kind](f"{kind}://127.0.0.1:{port}")

    yield start
    for made in running:
        made.kill()


def _rabbitmq(directory: Path, running: list[Any]) -> tuple[Broker, Any]:
    program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one in PATH changes the user
    if not program.exists():
        pytest.skip("rabbitmq runs, but its program is not on this machine")
    port, environment = free_port(), {"HOME": str(directory), "RABBITMQ_DIST_PORT": str(free_port())}
    environment |= {"RABBITMQ_NODENAME": f"lback{port}@localhost", "RABBITMQ_NODE_PORT": str(port)}
    places = ("MNESIA_BASE", "LOG_BASE", "ENABLED_PLUGINS_FILE", "CONFIG_FILE", "PID_FILE")
    environment |= {f"RABBITMQ_{place}": str(directory / place.lower()) for place in places}
    made = Broker([str(program)], port, environment)
    running.append(made)
    url = f"amqp://guest:guest@127.0.0.1:{port}/"
    eventually(partial(_answers, url))
    return made, RabbitMqConsumer(url)


def _answers(url: str) -> bool:
    """Return True if the broker answers, which takes longer than to listen."""
    try:
        pika.BlockingConnection(pika.URLParameters(url)).close()
    except AMQPError:
        return False
    return True


@pytest.mark.parametrize("kind", ["redis", "nats", "rabbitmq"])
def test_restarted_broker_loses_no_event(world: World, broker: Callable[[str], tuple[Broker, Any]], kind: str) -> None:
    def has_come_to(until: int) -> bool:
        return world.position("it") >= until

    server, other = broker(kind)
    world.add_events(400)
    with world.relaying(it=replace(other.settings, timeout=2.0)):
        for until in (100, 250):
            eventually(partial(has_come_to, until))
            server.kill()
            eventually(lambda: world.sink("it").failures > 0)
            server.start()
        eventually(lambda: world.position("it") == 400)
    received = other.received()
    assert [*without_duplicates(received)] == [*range(1, 401)]
    assert len(received) <= 400 + 2
    assert world.admin({}).dead_letters(None) == []


PROGRAM = """
import sys
from tests.relay.kill_relay import *
from lback_cli.settings.sink_kinds import RedisSettings
world = World(sys.argv[1])
relay = world.relay({"it": RedisSettings(**json.loads(sys.argv[2]))})
print("ready", flush=True)
relay.run(once=False)
"""


@pytest.fixture
def started(world: World) -> Iterator[Callable[[RedisSettings], Any]]:
    """``started(sink)`` starts a relay in a new process."""
    processes: list[Any] = []

    def start(sink: RedisSettings) -> Any:
        keys = {"url": sink.url, "stream": sink.stream}
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, world.url, json.dumps(keys)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
        )
        processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def test_second_relay_takes_over_when_the_first_is_killed(
    world: World, consumer: Consumers, started: Callable[[RedisSettings], Any]
) -> None:
    stream = consumer("redis")
    first, second = started(stream.settings), started(stream.settings)
    world.add_events(200)
    eventually(lambda: world.position("it") == 200)
    owner = str(world.sink("it").owner).split(":")[1]
    assert owner in {str(first.pid), str(second.pid)}
    assert [one.seq for one in stream.received()] == [*range(1, 201)], "once each, so only one relay delivered"
    worker, other = (first, second) if owner == str(first.pid) else (second, first)
    worker.kill()
    worker.wait()
    world.add_events(100)
    eventually(lambda: world.position("it") == 300)
    assert str(world.sink("it").owner).split(":")[1] == str(other.pid)
    assert [*without_duplicates(stream.received())] == [*range(1, 301)]
    third = world.once(it=stream.settings)["it"]
    assert third == RelayReport("it", holder=f"process {other.pid} on {socket.gethostname()}")


def stop(process: subprocess.Popen[bytes], path: str) -> None:
    """Suspend *process* while it does not hold the write lock, which would block all others."""
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as other:
        while True:
            os.kill(process.pid, signal.SIGSTOP)
            os.waitpid(process.pid, os.WUNTRACED)
            try:
                other.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(process.pid, signal.SIGCONT)
                time.sleep(0.01)
            else:
                other.execute("ROLLBACK")
                return


def test_suspended_relay_writes_nothing_after_it_was_replaced(
    world: World, consumer: Consumers, started: Callable[[RedisSettings], Any]
) -> None:
    stream = consumer("redis")
    world.add_events(100)
    stalled = started(stream.settings)
    eventually(lambda: world.position("it") > 0)
    stop(stalled, str(make_url(world.url).database))
    world.clock.ahead = 3600  # by this clock, its lease has expired
    world.add_events(100)
    report = world.once(it=stream.settings)["it"]
    assert (report.position, report.holder) == (200, None)
    world.add_events(5)
    before = world.sink("it").position
    world.admin({}).replay("it", 150)
    os.kill(stalled.pid, signal.SIGCONT)
    # The other relay has released the sink. The suspended one goes on from the stored position, not from its own.
    eventually(lambda: world.position("it") == 205)
    received = stream.received()
    assert before == 200
    assert [*without_duplicates(received)] == [*range(1, 206)]
    assert len(received) - 205 <= 200 - 149 + 2


def test_running_relay_continues_from_a_replay(world: World, consumer: Consumers) -> None:
    stream = consumer("redis")
    world.add_events(20)
    sinks = {"it": stream.settings}
    with world.relaying(**sinks):
        eventually(lambda: world.position("it") == 20)
        assert world.admin(sinks).replay("it", 16) == 5
        eventually(lambda: len(stream.received()) == 25)
        world.add_events(1)
        eventually(lambda: world.position("it") == 21)
    assert [one.seq for one in stream.received()] == [*range(1, 21), *range(16, 22)]


def test_replay_refuses_unknown_sinks_and_events(world: World, consumer: Consumers) -> None:
    sinks = {"it": consumer("redis").settings}
    world.add_events(3)
    admin = world.admin(sinks)
    with pytest.raises(SinkNotFound, match="There is no sink 'no'"):
        admin.replay("no", 1)
    for seq in (-1, 0, 5, 2**70):
        with pytest.raises(EventNotFound, match=f"There is no event {seq}"):
            admin.replay("it", seq)
    assert admin.replay("it", 3) == 1, "also before the first relay"
    assert world.once(**sinks)["it"].delivered == 1
    assert admin.replay("it", 4) == 0


def test_dead_letters_are_retried_or_dropped(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    other.answer = lambda request, _handler: 422 if sequences([request])[0] in {1, 3, 4} else 200
    world.add_events(4)
    sinks = {"it": other.settings}
    assert world.once(**sinks)["it"].dead == 3
    admin = world.admin(sinks)
    other.answer = lambda request, _handler: 422 if sequences([request]) == [3] else 200
    error = "it answers 422 Unprocessable Entity"
    assert [*admin.retry("it", [1, 3])] == [(1, None), (3, error)]
    assert [(letter.seq, letter.tries) for letter in admin.dead_letters("it")] == [(3, 2), (4, 1)]
    with pytest.raises(DeadLetterNotFound, match="it has no dead letter 1"):
        admin.drop("it", [1, 3])
    assert admin.drop("it", [3]) == 1
    assert [*admin.retry("it", None)] == [(4, None)]
    assert admin.dead_letters("it") == []
    assert sequences(other.taken) == [2, 1, 4]
    with pytest.raises(SinkNotFound):
        admin.dead_letters("no")


def test_status_of_sinks(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(3)
    dead = WebhookSettings(url="https://localhost:1/", secrets=SECRET)
    sinks = {"dead": dead, "fine": other.settings, "new": replace(dead, start="next"), "old": dead}
    world.once(dead=dead, fine=other.settings)
    world.add_events(2)
    views = {status.name: status for status in world.admin(sinks).sinks()}
    assert [(view.name, view.position, view.lag, view.failures) for view in views.values()] == [
        ("dead", 0, 5, 1),
        ("fine", 3, 2, 0),
        ("new", None, 0, 0),
        ("old", None, 5, 0),
    ]
    assert (views["dead"].last_error, views["fine"].last_error) == ("Connection refused (localhost:1)", None)
    assert (views["dead"].delivered_at, views["fine"].delivered_at is not None) == (None, True)
    assert [status.configured for status in world.admin({}).sinks()] == [False, False]


def test_some_events_are_sent_again_without_the_later_ones(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(6)
    sinks = {"it": other.settings}
    world.once(**sinks)
    admin = world.admin(sinks)
    assert admin.resend("it", 2, 4) == (3, None)
    assert sequences(other.taken) == [1, 2, 3, 4, 5, 6, 2, 3, 4]
    assert world.position("it") == 6
    other.answer = lambda request, _handler: 500 if sequences([request]) == [4] else 200
    assert admin.resend("it", 3, 6) == (1, "event 4: it answers 500 Internal Server Error")
    assert (world.sink("it").failures, admin.dead_letters("it")) == (0, [])
    for first, last in ((0, 3), (4, 3), (1, 7), (7, 7)):
        with pytest.raises(EventNotFound, match=f"There are no events from {first} to {last}"):
            admin.resend("it", first, last)
    with pytest.raises(SinkNotFound):
        admin.resend("no", 1, 1)


def test_test_event_is_a_cloud_event_that_is_not_in_the_log(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    sinks = {"it": other.settings}
    event_id = world.admin(sinks).send_test("it")
    (received,) = other.received()
    attributes = received.event.get_attributes()
    assert (received.id, attributes["id"], attributes["type"]) == (event_id, event_id, "dev.lback.test.v1")
    assert "sequence" not in attributes
    assert world.ids == []
    other.answer = lambda _request, _handler: 401
    with pytest.raises(SinkFailed, match=r"it did not take a test event: it answers 401 Unauthorized\."):
        world.admin(sinks).send_test("it")
    with pytest.raises(SinkNotFound):
        world.admin(sinks).send_test("no")


def test_forgotten_sink_begins_anew(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    other.answer = lambda request, _handler: 422 if sequences([request]) == [2] else 200
    world.add_events(3)
    sinks = {"it": other.settings}
    with world.relaying(**sinks):
        eventually(lambda: world.position("it") == 3)
        with pytest.raises(Conflict, match="serves it at present"):
            world.admin({}).forget("it")
    assert world.admin({}).forget("it") == 1
    assert world.admin({}).sinks() == []
    with pytest.raises(SinkNotFound):
        world.admin({}).forget("it")
    assert world.once(**sinks)["it"].delivered == 2


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_relay_on_a_server(
    server: str, request: pytest.FixtureRequest, consumer: Consumers, endpoint: Endpoints
) -> None:
    world = World(request.getfixturevalue(f"{server}_url"))
    Schema(world.database).initialize()
    stream, other = consumer("redis"), endpoint()
    other.answer = lambda request, _handler: 400 if sequences([request]) == [7] else 200
    world.add_events(30)
    sinks = {"stream": stream.settings, "hook": other.settings}
    assert world.once(**sinks) == {
        "stream": RelayReport("stream", delivered=30, position=30),
        "hook": RelayReport("hook", delivered=29, dead=1, position=30),
    }
    assert [one.seq for one in stream.received()] == [*range(1, 31)]
    admin = world.admin(sinks)
    assert [letter.seq for letter in admin.dead_letters(None)] == [7]
    other.answer = lambda _request, _handler: 200
    assert [*admin.retry("hook", None)] == [(7, None)]
    with world.relaying(**sinks):
        admin.replay("stream", 21)
        eventually(lambda: len(stream.received()) == 40)
    world.close()


def test_relay_leaves_the_write_lock_to_other_writers(world: World, consumer: Consumers) -> None:
    """A writer gets the lock between two updates of the position, again and again."""
    stream = consumer("redis")
    impatient = World(world.url)
    world.add_events(1000)
    with world.relaying(it=stream.settings):
        while world.position("it") < 1000:
            impatient.fail("nobody")
            time.sleep(0.005)
        events = len(world.ids)
        eventually(lambda: world.position("it") == events)
    impatient.close()
    assert [one.seq for one in stream.received()] == [*range(1, events + 1)]
