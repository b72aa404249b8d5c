"""The lease and the fence of a sink, on every kind of database."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lback_cli.database.schema import Schema
from lback_cli.models import DeadLetter
from lback_cli.relay.cursor import LeaseLostError, SinkCursor
from lback_cli.repositories.unit_of_work import transaction

from .harness import World

LEASE = timedelta(seconds=30)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A database of each kind, with ten events."""
    if request.param == "sqlite":
        world = World.at(tmp_path)
    else:
        world = World(request.getfixturevalue(f"{request.param}_url"))
        Schema(world.database).initialize()
    world.happen(10)
    yield world
    world.close()


@pytest.fixture
def position(place: World) -> Callable[..., SinkCursor]:
    """A position of the sink ``it``, of a relay that this test is."""
    return lambda start="first": SinkCursor(place.database, "it", start=start, lease=LEASE, now=place.clock)


def elsewhere(place: World) -> None:
    """Have the sink's owner be on another machine, where nobody can see whether it lives."""
    with transaction(place.database) as work:
        owner = str(work.session.get_one(place.sink("it").__class__, "it").owner)
        work.sinks.change("it", {"owner": "elsewhere:" + owner.split(":", 1)[1]})


def letter(seq: int) -> DeadLetter:
    return DeadLetter(sink="it", seq=seq, tries=1, error="no", given_up_at=World("sqlite://").clock())


def test_one_has_it_till_it_lets_go(position: Callable[..., SinkCursor]) -> None:
    first, second = position(), position()
    assert first.claim() is None
    assert str(second.claim()).startswith("process ")
    first.release()
    assert second.claim() is None
    assert second.held


def test_an_owner_that_nobody_hears_of_is_succeeded_when_its_lease_is_over(
    place: World, position: Callable[..., SinkCursor]
) -> None:
    first, second = position(), position()
    first.claim()
    elsewhere(place)
    place.clock.ahead = LEASE.total_seconds() - 1
    assert second.claim() is not None
    place.clock.ahead = LEASE.total_seconds() + 1
    assert second.claim() is None


def test_an_owner_on_this_machine_that_is_gone_is_succeeded_at_once(
    place: World, position: Callable[..., SinkCursor]
) -> None:
    first, second = position(), position()
    first.claim()
    with transaction(place.database) as work:
        parts = str(place.sink("it").owner).split(":")
        work.sinks.change("it", {"owner": ":".join([parts[0], str(2**22 + 1), *parts[2:]])})
    assert second.claim() is None


@pytest.mark.parametrize("act", ["advance", "bury", "fail", "ensure", "look"])
def test_one_that_was_succeeded_changes_nothing_any_more(
    place: World, position: Callable[..., SinkCursor], act: str
) -> None:
    first, second = position(), position()
    first.claim()
    first.advance(1)
    place.clock.ahead = LEASE.total_seconds() + 1
    assert second.claim() is None
    second.advance(2)
    acts: dict[str, Callable[[], Any]] = {
        "advance": lambda: first.advance(2),
        "bury": lambda: first.advance(2, letter(2)),
        "fail": lambda: first.fail("no", counts=True),
        "ensure": lambda: first.extend_lease(10**6),
        "look": first.refresh,
    }
    with pytest.raises(LeaseLostError):
        acts[act]()
    assert not first.held
    first.release()
    sink = place.sink("it")
    assert (sink.position, sink.failures, sink.tries, sink.last_error) == (2, 0, 0, None)
    assert sink.owner is not None, "the other's lease"
    assert place.ledger({}).dead_letters(None) == []


@pytest.mark.parametrize("days", [-1, 1])
def test_a_clock_that_was_set_by_a_day_keeps_nobody_out_for_that_long(
    place: World, position: Callable[..., SinkCursor], days: int
) -> None:
    first, second = position(), position()
    place.clock.ahead = -days * 86400
    first.claim()
    elsewhere(place)
    place.clock.ahead = 0
    assert second.claim() is None


def test_where_it_was_set_back_nothing_is_stored_and_it_goes_on_from_there(
    place: World, position: Callable[..., SinkCursor]
) -> None:
    mine = position()
    mine.claim()
    for seq in (1, 2, 3):
        mine.advance(seq)
    place.ledger({}).replay("it", 2)
    mine.advance(4, letter(4))
    assert (mine.seq, mine.held, place.sink("it").position) == (1, True, 1)
    assert place.ledger({}).dead_letters(None) == []
    mine.advance(2)
    assert place.sink("it").position == 2


def test_failures_are_counted_and_forgotten_with_the_next_success(
    place: World, position: Callable[..., SinkCursor]
) -> None:
    mine = position()
    mine.claim()
    mine.fail("first", counts=False)
    mine.fail("second", counts=True)
    sink = place.sink("it")
    assert (sink.position, sink.failures, sink.tries, sink.last_error) == (0, 2, 1, "second")
    mine.release()
    other = position()
    other.claim()
    assert (other.failures, other.tries) == (2, 1)
    other.advance(1)
    sink = place.sink("it")
    assert (sink.position, sink.failures, sink.tries, sink.last_error) == (1, 0, 0, None)
    assert sink.delivered_at is not None
    other.advance(2, letter(2))
    assert [found.seq for found in place.ledger({}).dead_letters("it")] == [2]


def test_a_new_sink_begins_where_it_is_told(place: World, position: Callable[..., SinkCursor]) -> None:
    assert position("next").claim() is None
    assert place.sink("it").position == 10
