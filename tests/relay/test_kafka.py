"""Kafka: the record, logins, what a broker refuses, and a broker that stops answering for a while."""

import json
import os
import signal
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.worker import RelayReport
from lback_cli.settings.sink_kinds import KafkaSettings
from tests.events.ocsf_schema import check
from tests.services import kafka_command

from .broker import Broker, free_port
from .consumers import KafkaConsumer, eventually, without_duplicates
from .harness import World
from .peers import Peer, Script, forwards
from .test_encryption import server_context

Consumers = Callable[[str], KafkaConsumer]

HANDSHAKE, AUTHENTICATE = 17, 36
LOGIN_FAILED = 58


def test_record_has_the_id_as_its_key_and_the_type_of_its_content(world: World, consumer: Consumers) -> None:
    topic = consumer("kafka")
    world.add_events(1)
    world.fail("nobody")
    assert world.once(it=topic.settings, siem=replace(topic.settings, format="ocsf")) == {
        "it": RelayReport("it", delivered=2, position=2),
        "siem": RelayReport("siem", delivered=2, position=2),
    }
    records = topic.records()
    assert sorted((record.key(), *record.headers()) for record in records) == sorted(
        (event.encode(), ("content-type", kind), ("type", f"dev.lback.{name}.v1".encode()))
        for event, name in zip(world.ids, ("user_registered", "user_authentication_failed"), strict=True)
        for kind in (b"application/cloudevents+json", b"application/json")
    )
    for record in records:
        if dict(record.headers())["content-type"] == b"application/json":
            check(json.loads(record.value()))


def test_next_server_is_used_if_the_first_refuses(world: World, consumer: Consumers) -> None:
    topic = consumer("kafka")
    world.add_events(1)
    server = topic.url.rpartition("/")[2]
    sink = replace(topic.settings, url="kafka://localhost:1", servers=(server,))
    assert world.once(it=sink)["it"].delivered == 1
    assert [one.seq for one in topic.received()] == [1]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (19, "Broker: Not enough in-sync replicas"),
        (29, "Broker: Topic authorization failed"),
    ],
)
def test_refusal_that_is_not_about_the_event_keeps_it(
    world: World, consumer: Consumers, code: int, reason: str
) -> None:
    topic = consumer("kafka")
    world.add_events(1)
    with Peer(_answering(topic, code)) as peer:
        report = world.once(it=replace(topic.settings, url=f"kafka://localhost:{peer.port}"))["it"]
    assert report == RelayReport("it", error=reason)
    assert world.sink("it").tries == 0
    assert len(topic.records()) == 1, "the client does not try again itself"


def test_event_that_is_too_large_becomes_a_dead_letter(world: World, consumer: Consumers) -> None:
    topic = consumer("kafka")
    world.add_events(2)
    with Peer(_answering(topic, 10)) as peer:
        report = world.once(it=replace(topic.settings, url=f"kafka://localhost:{peer.port}"))["it"]
    assert report == RelayReport("it", dead=2, position=2)
    assert {letter.error for letter in world.admin({}).dead_letters("it")} == {
        "the event is larger than the topic accepts"
    }


def test_missing_topic_is_named(world: World, consumer: Consumers) -> None:
    topic = consumer("kafka")
    name = (len(topic.topic) + 1).to_bytes(1) + topic.topic.encode()
    no_topic = forwards(int(topic.url.rpartition(":")[2]), lambda data: data.replace(b"\0\0" + name, b"\0\x03" + name))
    world.add_events(1)
    with Peer(no_topic) as peer:
        report = world.once(it=replace(topic.settings, url=f"kafka://localhost:{peer.port}", timeout=3.0))["it"]
    assert report == RelayReport("it", error=f"there is no topic {topic.topic}")


def test_missing_partition_is_named(world: World, consumer: Consumers) -> None:
    topic = consumer("kafka")
    world.add_events(1)
    error = world.once(it=replace(topic.settings, partition=7))["it"].error
    assert error == f"the topic {topic.topic} has no partition 7"


@pytest.fixture
def start(kafka_url: str) -> Iterator[Callable[..., tuple[Broker, int]]]:
    """``start(*options)`` starts a broker of the test's own."""
    assert kafka_url, "the program is on this machine"
    with ExitStack() as running:

        def run(*options: str) -> tuple[Broker, int]:
            port = free_port()
            broker = Broker(kafka_command(port, *options), port)
            running.callback(broker.kill)
            return broker, port

        yield run


def test_broker_that_stops_answering_for_a_while_loses_no_event(
    world: World, start: Callable[..., tuple[Broker, int]]
) -> None:
    def has_come_to(until: int) -> bool:
        return world.position("it") >= until

    broker, port = start()
    topic = KafkaConsumer(f"kafka://localhost:{port}")
    world.add_events(400)
    with world.relaying(it=replace(topic.settings, timeout=0.5)):
        for until in (100, 250):
            eventually(partial(has_come_to, until))
            os.killpg(broker._process.pid, signal.SIGSTOP)
            eventually(lambda: world.sink("it").failures > 0)
            os.killpg(broker._process.pid, signal.SIGCONT)
        eventually(partial(has_come_to, 400))
    received = topic.received()
    assert [*without_duplicates(received)] == [*range(1, 401)]
    assert len(received) <= 400 + 2
    assert world.admin({}).dead_letters(None) == []


def test_login_that_the_broker_refuses_is_reported_without_its_password(
    world: World, start: Callable[..., tuple[Broker, int]]
) -> None:
    _, port = start("--authentication")
    world.add_events(1)
    for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
        sink: Any = KafkaSettings(url=f"kafka://ann:canary@localhost:{port}", timeout=5.0)
        report = world.once(**{mechanism[-3:]: replace(sink, mechanism=mechanism)})[mechanism[-3:]]
        assert report.error == (
            "SASL authentication error: SASL SCRAM authentication failed: broker responded with unknown-user"
        )
    without = world.once(it=KafkaSettings(url=f"kafka://localhost:{port}", timeout=1.0))["it"]
    assert without.error == "the broker closed the connection, as it does if it requires TLS or a login"


def test_password_is_sent_once_the_connection_is_encrypted(
    world: World, consumer: Consumers, certificate_authority: Any, tmp_path: Path
) -> None:
    topic = consumer("kafka")
    certificate_authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    (tmp_path / "password").write_text("caf\u00e9 canary\n", "utf-8")
    logins: list[bytes] = []
    context = server_context(certificate_authority, "localhost")
    world.add_events(2)
    with Peer(_logging_in(context, int(topic.url.rpartition(":")[2]), logins)) as peer:
        sink = replace(
            topic.settings,
            url=f"kafkas://ann%40a@localhost:{peer.port}",
            password_file=tmp_path / "password",
            ca_file=tmp_path / "ca.pem",
            mechanism="PLAIN",
        )
        assert world.once(it=sink) == {"it": RelayReport("it", delivered=2, position=2)}
        (tmp_path / "password").write_text("wrong\n")
        world.add_events(1)
        error = world.once(it=sink)["it"].error
    assert error == "SASL authentication error: Who is it"
    assert {*logins} == {"\0ann@a\0caf\u00e9 canary".encode(), b"\0ann@a\0wrong"}
    assert [one.seq for one in topic.received()] == [1, 2]


@pytest.mark.parametrize(
    ("url", "keys", "message"),
    [
        ("kafka://h/topic", {}, "relay.it.url ends with more than a port."),
        ("kafka://h", {"topic": "a b"}, "relay.it.topic: 'a b' is not the name of a topic."),
        ("kafka://h", {"servers": ("h:x",)}, "relay.it.url is not a valid URL."),
        ("kafka://ann@h", {"mechanism": "PLAIN"}, "relay.it.mechanism is PLAIN, which would send the password"),
        ("kafka://h", {"password_file": "password"}, "relay.it.password_file is set, but its url has no user."),
        ("kafka://a:b@h", {"password_file": "password"}, "relay.it has a password in url and a password_file."),
        ("kafka://a@h", {"password_file": "none"}, "relay.it.password_file: cannot read"),
        ("kafka://h", {"ca_file": "password"}, "relay.it.ca_file is set, but a connection with kafka:// is not"),
        ("kafkas://h", {"ca_file": "password"}, "relay.it.ca_file: cannot use"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(tmp_path: Path, url: str, keys: dict[str, Any], message: str) -> None:
    (tmp_path / "password").write_text("canary\n")
    files = {key: tmp_path / value for key, value in keys.items() if key.endswith("_file")}
    with pytest.raises(ConfigurationError) as caught:
        build_sink("it", KafkaSettings(url=url, **{**keys, **files}))
    assert caught.value.message.startswith(message)
    assert "canary" not in caught.value.message


def _answering(topic: KafkaConsumer, code: int) -> Script:
    """Return the script of a proxy that makes an answer to a record one with that error."""
    place = topic.topic.encode() + b"\x02" + b"\0\0\0\0"
    return forwards(
        int(topic.url.rpartition(":")[2]),
        lambda data: data.replace(place + b"\0\0", place + code.to_bytes(2)),
    )


def _logging_in(context: ssl.SSLContext, port: int, logins: list[bytes]) -> Script:
    """Return the script of a proxy with TLS that takes logins, which the broker of the tests does not, and keeps them.

    Passwords with "canary" are right.
    """

    def script(peer: Peer, connection: socket.socket) -> None:
        with (
            context.wrap_socket(connection, server_side=True) as client,
            closing(socket.create_connection(("127.0.0.1", port))) as broker,
        ):
            there, here = (b"localhost" + address.to_bytes(4) for address in (port, peer.port))
            while request := _frame(client):
                api, _, number = struct.unpack_from(">hhi", request)
                if api == HANDSHAKE:
                    answer = struct.pack(">ihih", number, 0, 1, 5) + b"PLAIN"
                elif api == AUTHENTICATE:
                    logins.append(request[request.index(b"\0ann") :])
                    if b"canary" in request:
                        answer = struct.pack(">ihhiq", number, 0, -1, 0, 0)
                    else:
                        answer = struct.pack(">ihh", number, LOGIN_FAILED, 9) + b"Who is it" + bytes(12)
                else:
                    broker.sendall(len(request).to_bytes(4) + request)
                    answer = _frame(broker).replace(there, here)
                client.sendall(len(answer).to_bytes(4) + answer)

    return script


def _frame(connection: socket.socket) -> bytes:
    """Return the next request or answer on *connection*, or nothing at its end."""

    def read(length: int) -> bytes:
        data = b""
        while len(data) < length and (more := connection.recv(length - len(data))):
            data += more
        return data

    return read(int.from_bytes(read(4)))
