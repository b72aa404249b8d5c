"""Connections that are cut at COMMIT: a few trials, or many with THOROUGH set."""

import os
from collections.abc import Callable

import pytest
from sqlalchemy import text

from lback_cli.database import retry
from lback_cli.errors import AuthenticationFailed, DatabaseError, OutcomeUnknown
from lback_cli.repositories import unit_of_work
from lback_cli.signals import user_deleted as deleted

from .concurrent_users import LOCK_HEAD, is_postgresql, other_connection, record_error_codes
from .cut_commit import CUTS, EXPECTED, register_over_cut_connection
from .database import PASSWORD, Installation, on_signal, record_signals
from .proxy import Cut, CuttingProxy

TRIALS = 200 if "THOROUGH" in os.environ else 20

Proxy = Callable[..., CuttingProxy]


def test_registration_cut_at_commit_happens_exactly_once(installation: Installation, proxy: Proxy) -> None:
    cutting = proxy()
    for number in range(TRIALS):
        assert register_over_cut_connection(installation, cutting, number) == EXPECTED, CUTS[number % len(CUTS)]
    # The first registration also creates the default group.
    assert installation.events.verify().events == 1 + TRIALS


@pytest.mark.parametrize("cut", CUTS)
def test_failure_event_cut_at_commit_is_recorded_once(installation: Installation, proxy: Proxy, cut: Cut) -> None:
    name = f"unknown-{cut.replace(' ', '-')}"
    with pytest.raises(AuthenticationFailed):
        installation.users.authenticate_user(name, PASSWORD)
    cutting = proxy()
    client = installation.reopen(cutting.url)
    before = len(installation.recorded())
    # The name was tried before, so the first INSERT on this connection is that of the event.
    cutting.arm(cut)
    with record_signals() as signals, pytest.raises(AuthenticationFailed):
        client.users.authenticate_user(name, PASSWORD)
    client.close()
    assert cutting.cuts == 1
    assert signals == ["user_authentication_started", "user_authentication_failed"]
    assert [signal for signal, _ in installation.recorded()[before:]] == ["user_authentication_failed"]


@pytest.mark.parametrize("cut", CUTS)
def test_login_whose_count_is_cut_at_commit_is_counted_once(installation: Installation, proxy: Proxy, cut: Cut) -> None:
    installation.write("DELETE FROM lback_accounts")
    cutting = proxy()
    client = installation.reopen(cutting.url)
    before = len(installation.recorded())
    # The name was not tried before, so the first INSERT on this connection is that of its count.
    cutting.arm(cut)
    with record_signals() as signals, pytest.raises(AuthenticationFailed) as caught:
        client.users.authenticate_user(f"untried-{cut.replace(' ', '-')}", PASSWORD)
    client.close()
    assert (cutting.cuts, caught.value.error_type) == (1, "user_not_found")
    assert signals == ["user_authentication_started", "user_authentication_failed"]
    assert [signal for signal, _ in installation.recorded()[before:]] == ["user_authentication_failed"]
    assert installation.rows("SELECT failures, pending FROM lback_accounts") == [(1, 0)]


@pytest.mark.parametrize("cut", CUTS)
def test_group_creation_cut_at_commit_happens_once(installation: Installation, proxy: Proxy, cut: Cut) -> None:
    name = f"cut-{cut.replace(' ', '-')}"
    cutting = proxy()
    client = installation.reopen(cutting.url)
    before = len(installation.recorded())
    cutting.arm(cut)
    assert client.groups.create_group(name).name == name
    client.close()
    assert cutting.cuts == 1
    assert installation.finder.find_group(name)[0].name == name
    assert installation.recorded()[before:] == [("group_created", None)]
    installation.events.verify()


@pytest.mark.parametrize("cut", CUTS)
def test_erasure_cut_at_commit_happens_once(installation: Installation, proxy: Proxy, cut: Cut) -> None:
    name = f"erased-{cut.replace(' ', '-')}"
    installation.register(name, verified=True)
    before = len(installation.recorded())
    cutting = proxy()
    client = installation.reopen(cutting.url)
    # The proxy cuts the first COMMIT after a change, so arm it at the first change on this connection.
    with record_signals() as signals, on_signal(deleted, lambda **_: cutting.arm(cut)):
        erased = client.events.erase_user(name, client.users)
    client.close()
    assert cutting.cuts == 1
    assert erased.events == 2
    assert signals == ["user_deletion_started", "user_deleted"]
    assert installation.recorded()[before:] == [("user_deleted", None), ("user_erased", None)]
    assert installation.rows("SELECT 1 FROM users WHERE username = :name", name=name) == []
    installation.events.verify()


def test_check_of_the_outcome_gives_up_waiting_for_a_lock(
    installation: Installation, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another connection locks the head of the log when the connection is cut, and keeps the lock."""
    monkeypatch.setattr(unit_of_work, "_PAUSE_BETWEEN_LOOKS", 0.01)
    # MariaDB supports whole seconds only.
    monkeypatch.setattr(unit_of_work, "LOCK_TIMEOUT", 0.05 if is_postgresql(installation) else 1)
    monkeypatch.setattr(retry, "MAX_ATTEMPTS", 2)
    cutting = proxy()
    client = installation.reopen(cutting.url, retry_timeout=0)
    cutting.arm("before")
    with (
        other_connection(installation) as other,
        record_error_codes(client, on_first=lambda: other.execute(text(LOCK_HEAD))) as codes,
        pytest.raises(OutcomeUnknown) as caught,
    ):
        client.register("kept-waiting")
    client.close()
    assert codes[1:] == ["55P03" if is_postgresql(installation) else 1205] * 2
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("It was made if 'lback events list --operation ")
    assert installation.rows("SELECT 1 FROM users WHERE username = 'kept-waiting'") == []


@pytest.mark.parametrize("cut", ["before", "after"])
def test_outcome_is_unknown_if_the_database_stays_unreachable(
    installation: Installation, proxy: Proxy, cut: Cut, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unit_of_work, "_PAUSE_BETWEEN_LOOKS", 0.01)
    monkeypatch.setattr(retry, "_RESTART_DELAY", 0.01)
    cutting = proxy(then_down=True)
    client = installation.reopen(cutting.url, retry_timeout=0)
    name = f"{installation.database.url.get_backend_name()}-{cut}"
    cutting.arm(cut)
    with record_signals() as signals, pytest.raises(OutcomeUnknown) as caught:
        client.register(name)
    client.close()
    error = caught.value
    assert error.code == "outcome_unknown"
    assert isinstance(error, DatabaseError)
    assert isinstance(error.__cause__, DatabaseError)
    assert "was lost during COMMIT: whether the change was made is unknown, as it cannot be looked up" in error.message
    assert error.hint is not None
    operation_id = error.hint.partition("--operation ")[2].partition("'")[0]
    assert signals[-2:] == ["user_registered", "user_registration_failed"]
    # The event that the hint names exists exactly if the change was made.
    made = installation.rows("SELECT username FROM users WHERE username = :name", name=name)
    events = installation.rows("SELECT subject FROM lback_events WHERE operation_id = :id", id=operation_id)
    assert (made, events) == (([(name,)], [(name,)]) if cut == "after" else ([], []))
