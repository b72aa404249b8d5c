"""Each kind of sink against its real server."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest

from lback_cli.relay.worker import RelayReport
from lback_cli.settings.sink_kinds import SINK_KINDS, WebhookSettings
from lback_cli.settings.sinks import settings_class

from .conftest import KINDS
from .consumers import SECRET
from .harness import World
from .peers import Peer, says

Consumers = Callable[[str], Any]


@pytest.mark.parametrize("kind", KINDS)
def test_log_arrives_in_order_as_cloud_events(world: World, consumer: Consumers, kind: str) -> None:
    other = consumer(kind)
    world.add_events(2)
    world.fail("nobody")
    assert world.once(it=other.settings) == {"it": RelayReport("it", delivered=3, position=3)}

    received = other.received()
    assert [one.id for one in received] == world.ids
    assert [one.event.get_attributes() for one in received] == [
        {
            "specversion": "1.0",
            "id": event.id,
            "source": f"//{event.host}/lback",
            "type": f"dev.lback.{event.signal}.v1",
            "time": received[index].event.get_time(),
            "sequence": f"{event.seq:020}",
            "subject": event.subject,
            "datacontenttype": "application/json",
        }
        for index, event in enumerate(map(world.event, (1, 2, 3)))
    ]
    assert received[0].event.get_data() == {
        "actor": world.event(1).actor,
        "operation": "register_user",
        "operation_id": f"{1:032x}",
        "outcome": None,
        "subject_id": 1,
        "arguments": {"user": {"id": 1, "username": "user1", "email": "user1@example.org"}},
        "changes": {},
    }
    assert world.once(it=other.settings) == {"it": RelayReport("it", position=3)}
    assert len(other.received()) == 3
    sink = world.sink("it")
    assert (sink.position, sink.owner, sink.failures, sink.tries, sink.last_error) == (3, None, 0, 0, None)


def test_rabbitmq_messages_are_persistent(world: World, consumer: Consumers) -> None:
    queue = consumer("rabbitmq")
    world.add_events(1)
    world.once(it=queue.settings)
    assert len(queue.received()) == 1
    assert queue.modes == {2}


def test_new_sink_can_begin_at_the_end(world: World, consumer: Consumers) -> None:
    stream = consumer("redis")
    late = replace(stream.settings, start="next")
    world.add_events(3)
    assert world.once(it=late) == {"it": RelayReport("it", position=3)}
    world.add_events(2)
    assert world.once(it=late) == {"it": RelayReport("it", delivered=2, position=5)}
    assert [one.seq for one in stream.received()] == [4, 5]


UNREACHABLE = {
    "webhook": ("https://localhost:1/x", "Connection refused (localhost:1)"),
    "rabbitmq": ("amqp://guest:canary@localhost:1/", "Connection refused"),
    "redis": ("redis://:canary@localhost:1/0", "Connection refused"),
    "nats": ("nats://ann:canary@localhost:1", "Connect call failed"),
    "kafka": ("kafka://ann:canary@localhost:1", "Connection refused"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_unreachable_server_is_reported_without_secrets(world: World, kind: str) -> None:
    world.add_events(1)
    url, reason = UNREACHABLE[kind]
    settings = SINK_KINDS[kind](url=url, timeout=2.0)
    if isinstance(settings, WebhookSettings):
        settings = replace(settings, secrets=SECRET)
    report = world.once(it=settings)["it"]
    assert (report.delivered, report.dead, report.position) == (0, 0, 0)
    assert reason in str(report.error)
    assert "canary" not in f"{report.error}{world.sink('it').last_error}"
    assert (world.sink("it").failures, world.sink("it").tries, world.sink("it").owner) == (1, 0, None)
    assert world.observer.reports == [("failing", "it", report.error)]


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("rabbitmq", {"routing_key": "lback-no-such-queue"}, "no queue is bound to the exchange for this event"),
        ("rabbitmq", {"exchange": "lback-none"}, "404 NOT_FOUND - no exchange 'lback-none' in vhost '/'"),
        ("nats", {"subject": "lback-none"}, "no stream captures lback-none.user_registered"),
    ],
)
def test_missing_queue_or_stream_keeps_the_event(
    world: World, consumer: Consumers, kind: str, change: dict[str, str], reason: str
) -> None:
    other = consumer(kind)
    world.add_events(1)
    assert world.once(it=replace(other.settings, **change)) == {"it": RelayReport("it", error=reason)}
    assert world.once(it=other.settings) == {"it": RelayReport("it", delivered=1, position=1)}


@pytest.mark.parametrize("kind", ["rabbitmq", "redis", "nats"])
def test_wrong_password_is_reported_and_not_shown(world: World, consumer: Consumers, tmp_path: Any, kind: str) -> None:
    """On servers without a login, a password is refused or ignored."""
    other = consumer(kind)
    world.add_events(1)
    file = tmp_path / "password"
    file.write_text("canary\n")
    parts = urlsplit(other.settings.url)
    login, at, host = parts.netloc.rpartition("@")
    url = parts._replace(netloc=f"{login.partition(':')[0]}{at}{host}").geturl()
    report = world.once(it=replace(other.settings, url=url, password_file=file))["it"]
    if kind == "rabbitmq":
        assert report.error is not None
        assert "ACCESS_REFUSED" in report.error
        assert report.delivered == 0
    assert "canary" not in str(report)


def test_event_that_is_too_large_for_the_nats_stream_becomes_a_dead_letter(world: World, consumer: Consumers) -> None:
    other = consumer("nats")
    other.limit(max_msg_size=750)
    world.add_events(1)
    world.fail("x" * 750)
    world.add_events(1)
    report = world.once(it=other.settings)["it"]
    assert report == RelayReport("it", delivered=2, dead=1, position=3)
    (letter,) = world.admin({}).dead_letters("it")
    assert (letter.seq, letter.error) == (2, "the event is larger than the stream accepts")


@pytest.mark.parametrize(
    ("scheme", "greeting", "reason"),
    [
        ("amqp", b"", "no answer within 0.5 s"),
        ("nats", b"INFO []\r\n", "unexpected AttributeError"),
        ("redis", b"$abc\r\n", "unexpected ValueError"),
    ],
)
def test_server_that_breaks_its_protocol_is_a_failure_of_its_sink_alone(
    world: World, consumer: Consumers, scheme: str, greeting: bytes, reason: str
) -> None:
    fine = consumer("redis")
    world.add_events(2)
    with Peer(says(greeting)) as peer:
        url = f"{scheme}://127.0.0.1:{peer.port}"
        declared = settings_class(url)
        assert declared is not None
        broken = declared(url=url, timeout=0.5)
        reports = world.once(broken=broken, fine=fine.settings)
        assert reports == {
            "broken": RelayReport("broken", error=reason),
            "fine": RelayReport("fine", delivered=2, position=2),
        }
        assert world.sink("broken").tries == 0


def test_redis_key_of_another_type_keeps_the_event(world: World, consumer: Consumers) -> None:
    import redis

    stream = consumer("redis")
    world.add_events(1)
    with redis.Redis.from_url(stream.url) as client:
        client.set(stream.stream, "text")
        error = "WRONGTYPE Operation against a key holding the wrong kind of value"
        assert world.once(it=stream.settings) == {"it": RelayReport("it", error=error)}
        client.delete(stream.stream)
    assert world.once(it=stream.settings)["it"].delivered == 1


def test_erased_event_is_sent_without_personal_data(world: World, consumer: Consumers) -> None:
    from lback_cli.repositories.unit_of_work import transaction

    stream = consumer("redis")
    world.add_events(2)
    with transaction(world.database) as work:
        work.events.erase([2])
    world.once(it=stream.settings)
    kept, erased = stream.received()
    assert "user1" in str(kept.event.get_data())
    assert erased.event.get_data()["arguments"] is None
    assert "subject" not in erased.event.get_attributes()
    assert "user2" not in str(erased.event.get_data())
