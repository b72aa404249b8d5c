"""Connections that are cut while they commit: a few trials, and many with THOROUGH set."""

import os
from collections.abc import Callable

import pytest
from sqlalchemy import text

from lback_cli.database import retry
from lback_cli.errors import DatabaseError, LbackError, OutcomeUnknown
from lback_cli.repositories import unit_of_work
from lback_cli.signals import user_deleted as deleted

from .concurrent_users import LOCK_HEAD, errors_of, is_postgresql, other_connection
from .cut_commit import CUTS, EXPECTED, trial
from .database import PASSWORD, Place, at, sent
from .proxy import Cut, CuttingProxy

TRIALS = 200 if "THOROUGH" in os.environ else 20

Proxy = Callable[..., CuttingProxy]


def test_of_registrations_cut_at_commit_none_is_lost_and_none_done_twice(place: Place, proxy: Proxy) -> None:
    cutting = proxy()
    for number in range(TRIALS):
        assert trial(place, cutting, number) == EXPECTED, CUTS[number % len(CUTS)]
    assert place.events.verify().events == TRIALS


@pytest.mark.parametrize("cut", CUTS)
def test_the_event_of_a_failure_is_recorded_once_when_its_commit_is_cut(place: Place, proxy: Proxy, cut: Cut) -> None:
    cutting = proxy()
    client = place.elsewhere(cutting.url)
    before = len(place.recorded())
    cutting.arm(cut)
    with sent() as signals, pytest.raises(LbackError):
        client.users.authenticate_user("nobody", PASSWORD)
    client.close()
    assert cutting.cuts == 1
    assert signals == ["user_authentication_started", "user_authentication_failed"]
    assert [signal for signal, _ in place.recorded()[before:]] == ["user_authentication_failed"]


@pytest.mark.parametrize("cut", ["before", "at once", "after"])
def test_of_a_group_whose_commit_was_cut_nobody_can_tell_and_so_it_is_told(
    place: Place, proxy: Proxy, cut: Cut
) -> None:
    cutting = proxy()
    client = place.elsewhere(cutting.url)
    cutting.arm(cut)
    with pytest.raises(OutcomeUnknown) as caught:
        client.groups.create_group(f"cut {cut}".replace(" ", "-"))
    client.close()
    assert caught.value.message.endswith(" was lost during COMMIT: whether the change was made is unknown.")
    assert caught.value.hint == "Look before you try again."


@pytest.mark.parametrize("cut", CUTS)
def test_an_erasure_whose_commit_is_cut_is_done_once(place: Place, proxy: Proxy, cut: Cut) -> None:
    name = f"erased-{cut.replace(' ', '-')}"
    place.register(name, verified=True)
    before = len(place.recorded())
    cutting = proxy()
    client = place.elsewhere(cutting.url)
    # The first change on this connection: the proxy looks for one before it takes a COMMIT for the right one.
    with sent() as signals, at(deleted, lambda **_: cutting.arm(cut)):
        erased = client.events.erase_user(name, client.users)
    client.close()
    assert cutting.cuts == 1
    assert erased.events == 2
    assert signals == ["user_deletion_started", "user_deleted"]
    assert place.recorded()[before:] == [("user_deleted", None), ("user_erased", None)]
    assert place.rows("SELECT 1 FROM users WHERE username = :name", name=name) == []
    place.events.verify()


def test_a_look_that_others_keep_waiting_ends(place: Place, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody takes the head of the log as the connection is cut, and never lets it go."""
    monkeypatch.setattr(unit_of_work, "_PAUSE_BETWEEN_LOOKS", 0.01)
    # MariaDB knows whole seconds.
    monkeypatch.setattr(unit_of_work, "LOCK_TIMEOUT", 0.05 if is_postgresql(place) else 1)
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 2)
    cutting = proxy()
    client = place.elsewhere(cutting.url)
    cutting.arm("before")
    with (
        other_connection(place) as other,
        errors_of(client, at_first=lambda: other.execute(text(LOCK_HEAD))) as codes,
        pytest.raises(OutcomeUnknown) as caught,
    ):
        client.register("kept-waiting")
    client.close()
    assert codes[1:] == ["55P03" if is_postgresql(place) else 1205] * 2
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("It was made if 'lback events list -o json' shows an event")
    assert place.rows("SELECT 1 FROM users WHERE username = 'kept-waiting'") == []


@pytest.mark.parametrize("cut", ["before", "after"])
def test_where_the_database_stays_away_the_outcome_is_said_to_be_unknown(
    place: Place, proxy: Proxy, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_of_work, "_PAUSE_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(retry, "_RESTART", 0.01)
    cutting = proxy(then_down=True)
    client = place.elsewhere(cutting.url)
    name = f"{place.database.url.get_backend_name()}-{cut}"
    cutting.arm(cut)
    with sent() as signals, pytest.raises(OutcomeUnknown) as caught:
        client.register(name)
    client.close()
    error = caught.value
    assert error.code == "outcome_unknown"
    assert isinstance(error, DatabaseError)
    assert isinstance(error.__cause__, DatabaseError)
    assert "was lost during COMMIT: whether the change was made is unknown, as it cannot be looked up" in error.message
    assert error.hint is not None
    operation_id = error.hint.removesuffix(".").rpartition(" ")[2]
    assert signals[-2:] == ["user_registered", "user_registration_failed"]
    # What the hint says to look for is there just where the change is.
    made = place.rows("SELECT username FROM users WHERE username = :name", name=name)
    events = place.rows("SELECT subject FROM lback_events WHERE operation_id = :id", id=operation_id)
    assert (made, events) == (([(name,)], [(name,)]) if cut == "after" else ([], []))
