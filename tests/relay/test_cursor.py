"""The lease and the position of a sink, on every kind of database."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lback_cli.database.schema import Schema
from lback_cli.lease import LeaseLostError
from lback_cli.models import DeadLetter, SinkState
from lback_cli.relay.cursor import SinkCursor
from lback_cli.repositories.unit_of_work import transaction

from .harness import World

LEASE = timedelta(seconds=30)


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A database of each kind with ten events."""
    if request.param == "sqlite":
        world = World.at(tmp_path)
    else:
        world = World(request.getfixturevalue(f"{request.param}_url"))
        Schema(world.database).initialize()
    world.add_events(10)
    yield world
    world.close()


@pytest.fixture
def cursor(place: World) -> Callable[..., SinkCursor]:
    """``cursor()`` returns a new cursor of the sink ``it``."""
    return lambda start="first": SinkCursor(place.database, "it", start=start, lease=LEASE, now=place.clock)


def elsewhere(place: World) -> None:
    """Move the owner of the sink to another host, where it is unknown whether it runs."""
    with transaction(place.database) as work:
        sink = work.session.get_one(SinkState, "it")
        sink.owner = "elsewhere:" + str(sink.owner).split(":", 1)[1]


def letter(seq: int) -> DeadLetter:
    return DeadLetter(sink="it", seq=seq, tries=1, error="no", given_up_at=World("sqlite://").clock())


def test_one_cursor_holds_the_sink_until_it_releases_it(cursor: Callable[..., SinkCursor]) -> None:
    first, second = cursor(), cursor()
    assert first.acquire() is None
    assert str(second.acquire()).startswith("process ")
    first.release()
    assert second.acquire() is None
    assert second.held


def test_expired_lease_of_another_host_is_taken_over(place: World, cursor: Callable[..., SinkCursor]) -> None:
    first, second = cursor(), cursor()
    first.acquire()
    elsewhere(place)
    place.clock.ahead = LEASE.total_seconds() - 1
    assert second.acquire() is not None
    place.clock.ahead = LEASE.total_seconds() + 1
    assert second.acquire() is None


def test_lease_of_a_dead_process_is_taken_over_at_once(place: World, cursor: Callable[..., SinkCursor]) -> None:
    first, second = cursor(), cursor()
    first.acquire()
    with transaction(place.database) as work:
        sink = work.session.get_one(SinkState, "it")
        parts = str(sink.owner).split(":")
        sink.owner = ":".join([parts[0], str(2**22 + 1), *parts[2:]])
    assert second.acquire() is None


@pytest.mark.parametrize("act", ["advance", "dead-letter", "fail", "extend", "refresh"])
def test_cursor_that_lost_its_lease_cannot_write(place: World, cursor: Callable[..., SinkCursor], act: str) -> None:
    first, second = cursor(), cursor()
    first.acquire()
    first.advance(1)
    place.clock.ahead = LEASE.total_seconds() + 1
    assert second.acquire() is None
    second.advance(2)
    acts: dict[str, Callable[[], Any]] = {
        "advance": lambda: first.advance(2),
        "dead-letter": lambda: first.advance(2, letter(2)),
        "fail": lambda: first.fail("no", counts=True),
        "extend": lambda: first.extend_lease(10**6),
        "refresh": first.refresh,
    }
    with pytest.raises(LeaseLostError):
        acts[act]()
    assert not first.held
    first.release()
    sink = place.sink("it")
    assert (sink.position, sink.failures, sink.tries, sink.last_error) == (2, 0, 0, None)
    assert sink.owner is not None, "the lease of the other cursor"
    assert place.admin({}).dead_letters(None) == []


@pytest.mark.parametrize("days", [-1, 1])
def test_lease_from_a_wrong_clock_is_taken_over(place: World, cursor: Callable[..., SinkCursor], days: int) -> None:
    first, second = cursor(), cursor()
    place.clock.ahead = -days * 86400
    first.acquire()
    elsewhere(place)
    place.clock.ahead = 0
    assert second.acquire() is None


def test_cursor_continues_from_a_replay_without_storing_its_own_position(
    place: World, cursor: Callable[..., SinkCursor]
) -> None:
    mine = cursor()
    mine.acquire()
    for seq in (1, 2, 3):
        mine.advance(seq)
    place.admin({}).replay("it", 2)
    mine.advance(4, letter(4))
    assert (mine.position, mine.held, place.sink("it").position) == (1, True, 1)
    assert place.admin({}).dead_letters(None) == []
    mine.advance(2)
    assert place.sink("it").position == 2


def test_failures_are_counted_until_the_next_delivery(place: World, cursor: Callable[..., SinkCursor]) -> None:
    mine = cursor()
    mine.acquire()
    mine.fail("first", counts=False)
    mine.fail("second", counts=True)
    sink = place.sink("it")
    assert (sink.position, sink.failures, sink.tries, sink.last_error) == (0, 2, 1, "second")
    mine.release()
    other = cursor()
    other.acquire()
    assert (other.failures, other.tries) == (2, 1)
    other.advance(1)
    sink = place.sink("it")
    assert (sink.position, sink.failures, sink.tries, sink.last_error) == (1, 0, 0, None)
    assert sink.delivered_at is not None
    other.advance(2, letter(2))
    assert [found.seq for found in place.admin({}).dead_letters("it")] == [2]


def test_new_sink_begins_at_the_end_if_configured(place: World, cursor: Callable[..., SinkCursor]) -> None:
    assert cursor("next").acquire() is None
    assert place.sink("it").position == 10
