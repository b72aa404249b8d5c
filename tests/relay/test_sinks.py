"""Each kind of sink against its real server."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lback_cli.relay.worker import RelayReport
from lback_cli.settings import SinkSettings

from .conftest import KINDS
from .harness import World

Consumers = Callable[[str], Any]


@pytest.mark.parametrize("kind", KINDS)
def test_the_whole_log_arrives_in_its_order_as_cloud_events(world: World, consumer: Consumers, kind: str) -> None:
    other = consumer(kind)
    world.happen(2)
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
    }
    assert world.once(it=other.settings) == {"it": RelayReport("it", position=3)}
    assert len(other.received()) == 3
    sink = world.sink("it")
    assert (sink.position, sink.owner, sink.failures, sink.tries, sink.last_error) == (3, None, 0, 0, None)


def test_rabbitmq_keeps_messages_on_disk(world: World, consumer: Consumers) -> None:
    queue = consumer("rabbitmq")
    world.happen(1)
    world.once(it=queue.settings)
    assert len(queue.received()) == 1
    assert queue.modes == {2}


def test_a_new_sink_may_begin_at_the_end(world: World, consumer: Consumers) -> None:
    stream = consumer("redis")
    late = replace(stream.settings, start="next")
    world.happen(3)
    assert world.once(it=late) == {"it": RelayReport("it", position=3)}
    world.happen(2)
    assert world.once(it=late) == {"it": RelayReport("it", delivered=2, position=5)}
    assert [one.seq for one in stream.received()] == [4, 5]


NOBODY = {
    "webhook": ("https://localhost:1/x", "Connection refused"),
    "rabbitmq": ("amqp://guest:canary@localhost:1/", "Connection refused"),
    "redis": ("redis://:canary@localhost:1/0", "Connection refused"),
    "nats": ("nats://ann:canary@localhost:1", "Connect call failed"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_not_there_is_told_without_any_secret(world: World, kind: str) -> None:
    world.happen(1)
    url, reason = NOBODY[kind]
    secrets = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNk" if kind == "webhook" else ""
    report = world.once(it=SinkSettings(url=url, secrets=secrets, timeout=2.0))["it"]
    assert (report.delivered, report.dead, report.position) == (0, 0, 0)
    assert reason in str(report.error)
    assert "canary" not in f"{report.error}{world.sink('it').last_error}"
    assert (world.sink("it").failures, world.sink("it").tries, world.sink("it").owner) == (1, 0, None)
    assert world.told.said == [("failing", "it", report.error)]


@pytest.mark.parametrize(
    ("kind", "change", "reason"),
    [
        ("rabbitmq", {"routing_key": "lback-no-such-queue"}, "no queue is bound to the exchange for this event"),
        ("rabbitmq", {"exchange": "lback-none"}, "404 NOT_FOUND - no exchange 'lback-none' in vhost '/'"),
        ("nats", {"subject": "lback-none"}, "no stream takes the subject lback-none.user_registered"),
    ],
)
def test_what_is_not_set_up_at_the_broker_keeps_the_event_waiting(
    world: World, consumer: Consumers, kind: str, change: dict[str, str], reason: str
) -> None:
    other = consumer(kind)
    world.happen(1)
    assert world.once(it=replace(other.settings, **change)) == {"it": RelayReport("it", error=reason)}
    assert world.once(it=other.settings) == {"it": RelayReport("it", delivered=1, position=1)}


@pytest.mark.parametrize("kind", ["rabbitmq", "redis", "nats"])
def test_a_wrong_password_is_told_and_not_shown(world: World, consumer: Consumers, tmp_path: Any, kind: str) -> None:
    """On servers without a login, a password is refused or ignored."""
    other = consumer(kind)
    world.happen(1)
    file = tmp_path / "password"
    file.write_text("canary\n")
    report = world.once(it=replace(other.settings, password_file=file))["it"]
    if kind == "rabbitmq":
        assert report.error is not None
        assert "ACCESS_REFUSED" in report.error
        assert report.delivered == 0
    assert "canary" not in str(report)


def test_a_stream_key_of_another_type_keeps_the_event_waiting(world: World, consumer: Consumers) -> None:
    import redis

    stream = consumer("redis")
    world.happen(1)
    with redis.Redis.from_url(stream.url) as client:
        client.set(stream.stream, "text")
        error = "WRONGTYPE Operation against a key holding the wrong kind of value"
        assert world.once(it=stream.settings) == {"it": RelayReport("it", error=error)}
        client.delete(stream.stream)
    assert world.once(it=stream.settings)["it"].delivered == 1


def test_what_was_erased_before_it_is_sent_is_sent_as_erased(world: World, consumer: Consumers) -> None:
    from lback_cli.repositories.unit_of_work import transaction

    stream = consumer("redis")
    world.happen(2)
    with transaction(world.database) as work:
        work.events.erase([2])
    world.once(it=stream.settings)
    kept, erased = stream.received()
    assert "user1" in str(kept.event.get_data())
    assert erased.event.get_data()["arguments"] is None
    assert "subject" not in erased.event.get_attributes()
    assert "user2" not in str(erased.event.get_data())
