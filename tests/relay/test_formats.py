"""The format of a sink: what it sends is valid OCSF, whatever its kind."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.relay.worker import RelayReport
from lback_cli.settings import load_settings
from tests.events.ocsf_schema import check

from .consumers import Endpoint
from .harness import World

Endpoints = Callable[..., Endpoint]


def events(other: Endpoint) -> list[Any]:
    assert {request.headers["content-type"] for request in other.taken} == {"application/json"}
    return [json.loads(request.body) for request in other.taken]


def test_sink_with_ocsf_sends_valid_events_in_order(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(2)
    world.fail("nobody")
    assert world.once(it=replace(other.settings, format="ocsf")) == {"it": RelayReport("it", delivered=3, position=3)}
    received = events(other)
    for event in received:
        check(event)
    assert [event["class_uid"] for event in received] == [3001, 3001, 3002]
    assert [event["metadata"]["sequence"] for event in received] == [1, 2, 3]
    assert [event["metadata"]["uid"] for event in received] == world.ids
    assert [request.headers["webhook-id"] for request in other.taken] == world.ids
    assert not {"source", "sinksequence"} & received[0]["unmapped"].keys()


def test_source_and_number_of_a_chosen_event_are_unmapped(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    world.add_events(2)
    world.fail("nobody")
    chosen = ("user_authentication_failed",)
    world.once(it=replace(other.settings, format="ocsf", source="https://a.example/users", signals=chosen))
    (event,) = events(other)
    check(event)
    assert (event["unmapped"]["source"], event["unmapped"]["sinksequence"]) == ("https://a.example/users", f"{1:020}")


def test_test_event_is_valid_and_has_no_number(world: World, endpoint: Endpoints) -> None:
    other = endpoint()
    event_id = world.admin({"it": replace(other.settings, format="ocsf")}).send_test("it")
    (event,) = events(other)
    check(event)
    assert (event["metadata"]["uid"], event["activity_name"], event["class_uid"]) == (event_id, "Test", 0)
    assert "sequence" not in event["metadata"]


def test_erased_event_is_valid_and_has_no_personal_data(world: World, endpoint: Endpoints) -> None:
    from lback_cli.repositories.unit_of_work import transaction

    other = endpoint()
    world.add_events(1)
    with transaction(world.database) as work:
        work.events.erase([1])
    world.once(it=replace(other.settings, format="ocsf"))
    (event,) = events(other)
    check(event)
    assert "user1" not in json.dumps(event)


def test_unknown_format_is_refused(tmp_path: Any) -> None:
    (tmp_path / "config.toml").write_text("[relay.it]\nurl = 'redis://localhost'\nformat = 'cef'\n")
    with pytest.raises(ConfigurationError, match=r"relay\.it\.format \(.*\): 'cef' is not one of cloudevents, ocsf\."):
        load_settings(environment={}, directory=tmp_path)
