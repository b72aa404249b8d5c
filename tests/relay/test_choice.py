"""Sinks that get some of the events, which they can count without a gap."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.managers.group_manager import GroupManager
from lback_cli.relay.choice import EventChoice
from lback_cli.relay.worker import RelayReport
from lback_cli.settings import SinkSettings

from .consumers import Endpoint, eventually
from .harness import World
from .mail_harness import MailHarness

Endpoints = Callable[..., Endpoint]


def numbers(other: Endpoint) -> list[tuple[int, int]]:
    """Return the number in the log and the number for the sink of each event that *other* took."""
    events = [one.event.get_attributes() for one in other.received()]
    return [(int(event["sequence"]), int(event["sinksequence"])) for event in events]


def test_sink_gets_the_events_of_its_signals_and_counts_them(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    sink = replace(other.settings, signals=("user_authentication_failed", "user_deleted"))
    for _ in range(3):
        world.add_events(2)
        world.fail("nobody")
    world.add_events(1)
    assert world.once(it=sink) == {"it": RelayReport("it", delivered=3, position=10)}
    assert numbers(other) == [(3, 1), (6, 2), (9, 3)]
    assert world.once(it=sink) == {"it": RelayReport("it", position=10)}
    world.fail("nobody")
    assert [(status.position, status.lag) for status in world.admin({"it": sink}).sinks()] == [(10, 1)]
    assert world.once(it=sink)["it"].delivered == 1
    assert numbers(other)[3:] == [(11, 4)]
    assert [(status.position, status.lag) for status in world.admin({"it": sink}).sinks()] == [(11, 0)]


def test_numbers_stay_the_same_after_a_replay_and_for_a_sink_that_begins_late(
    world: World, endpoint: Endpoints
) -> None:
    other, late = endpoint(), endpoint()
    signals = ("user_authentication_failed",)
    sinks: dict[str, SinkSettings] = {
        "it": replace(other.settings, signals=signals),
        "late": replace(late.settings, signals=signals, start="next"),
    }
    for _ in range(3):
        world.add_events(1)
        world.fail("nobody")
    world.once(**sinks)
    assert world.admin(sinks).replay("it", 3) == 2
    world.fail("nobody")
    world.once(**sinks)
    assert numbers(other) == [(2, 1), (4, 2), (6, 3), (4, 2), (6, 3), (7, 4)]
    assert numbers(late) == [(7, 4)]


def test_dead_letter_has_a_number_of_its_own(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    sink = replace(other.settings, signals=("user_authentication_failed",))
    other.answer = lambda _request, _handler: 422 if len(other.requests) == 1 else 200
    world.fail("nobody")
    world.add_events(1)
    world.fail("nobody")
    assert world.once(it=sink) == {"it": RelayReport("it", delivered=1, dead=1, position=3)}
    assert numbers(other) == [(3, 2)]
    assert [*world.admin({"it": sink}).retry("it", None)] == [(1, None)]
    assert numbers(other)[1:] == [(1, 1)]


def test_another_choice_counts_anew(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(3)
    world.fail("nobody")
    world.once(it=replace(other.settings, signals=("user_registered",)))
    world.fail("nobody")
    world.once(it=replace(other.settings, signals=("user_authentication_failed",)))
    assert numbers(other) == [(1, 1), (2, 2), (3, 3), (5, 2)]
    world.add_events(1)
    world.once(it=other.settings)
    assert "sinksequence" not in other.received()[-1].event.get_attributes()
    assert (world.sink("it").choice, world.sink("it").chosen) == (None, None)


def test_running_relay_passes_over_what_its_sink_does_not_get(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    with world.relaying(it=replace(other.settings, signals=("user_authentication_failed",))):
        world.add_events(5)
        eventually(lambda: world.position("it") == 5)
        world.fail("nobody")
        eventually(lambda: len(other.taken) == 1)
    assert numbers(other) == [(6, 1)]


def test_sink_gets_the_events_of_its_groups_and_every_erasure(endpoint: Endpoints, tmp_path: Path) -> None:
    managers = MailHarness(tmp_path, {"transport": "file"}).prepare()
    groups = GroupManager(managers.database, managers.services)
    other = endpoint()
    groups.create_group("staff")
    groups.create_group("other")
    managers.register("ann", groups=["staff"])
    bob = managers.register("bob", groups=["other"])
    managers.users.update_user(bob, {"is_email_verified": True})
    managers.users.delete_user(bob)
    groups.rename_group("staff", "crew")
    managers.log.erase_user("bob", managers.users)
    world = World(managers.settings.database.url)
    report = world.once(it=replace(other.settings, groups=("staff",)))["it"]
    received = [one.event.get_attributes()["type"].split(".")[2] for one in other.received()]
    assert received == ["group_created", "user_registered", "group_updated", "user_erased"]
    assert [number for _, number in numbers(other)] == [1, 2, 3, 4]
    assert report.position == len(world.ids)
    world.close()
    managers.close()


def test_signals_and_groups_must_both_hold(endpoint: Endpoints, tmp_path: Path) -> None:
    managers = MailHarness(tmp_path, {"transport": "file"}).prepare()
    groups = GroupManager(managers.database, managers.services)
    groups.create_group("staff")
    groups.create_group("other")
    other = endpoint()
    for name, group in (("ann", "staff"), ("bob", "other"), ("cid", "staff")):
        managers.register(name, groups=[group])
    world = World(managers.settings.database.url)
    world.once(it=replace(other.settings, groups=("staff", "admin"), signals=("user_registered",)))
    assert [one.event.get_data()["arguments"]["user"]["username"] for one in other.received()] == ["ann", "cid"]
    world.close()
    managers.close()


def test_source_of_the_events_can_be_set(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(1)
    world.once(it=replace(other.settings, source="https://example.org/accounts"))
    assert other.received()[0].event.get_attributes()["source"] == "https://example.org/accounts"


@pytest.mark.parametrize("signal", ["user_registred", "user_registration_started", "user_pre_register", "*"])
def test_unknown_signal_is_refused(endpoint: Endpoints, world: World, signal: str) -> None:
    sinks: dict[str, Any] = {"it": replace(endpoint().settings, signals=(signal,))}
    with pytest.raises(ConfigurationError) as caught:
        world.relay(sinks)
    assert caught.value.message == f"relay.it.signals: there are no events of {signal!r} in the log."


def test_choice_is_the_same_in_any_order() -> None:
    one = EventChoice.of("it", SinkSettings(signals=("user_registered", "user_deleted", "user_deleted")))
    other = EventChoice.of("it", SinkSettings(signals=("user_deleted", "user_registered")))
    assert one == other
    assert one.text == other.text != EventChoice().text
