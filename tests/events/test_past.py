"""Users and groups as of a moment are what they were then: a few random histories, or many with THOROUGH set."""

import os
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from lback_cli.cli.output.serializers import group_view, past_group_view, past_user_view
from lback_cli.errors import GroupNotFound
from lback_cli.events.moment import Moment
from lback_cli.managers.directory import Directory
from lback_cli.managers.past import Past
from lback_cli.repositories.user_query import UserQuery
from lback_cli.text.times import utc_now
from tests.services import database_of

from .random_history import GROUPS, HistoryWithAnApplication, RandomHistory, WideInstallation, comparable

SEEDS = 60 if "THOROUGH" in os.environ else 3
STEPS, BETWEEN, COMPARED = 120, 4, 6

SIZES = {
    "repositories.change_spool._RANGE": 9,
    "managers.past_listing._EVENTS_PER_LOOKUP": 1_000_000,
    "repositories.change_spool._FLUSHED": 3,
    "repositories.change_spool._IN_MEMORY": 1000,
}
"""Sizes with which few users need what a million need: several ranges, and a file."""


class Snapshot(NamedTuple):
    """What was there when a number of events was in the log."""

    event: int
    time: datetime
    users: dict[int, dict[str, Any]]
    passwords: dict[int, bool]
    groups: dict[str, dict[str, Any]]


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_the_state_at_random_moments_is_what_it_was(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in SIZES.items():
        monkeypatch.setattr(f"lback_cli.{name}", size)
    with database_of(kind, tmp_path, request) as url:
        installation = WideInstallation(url, tmp_path)
        try:
            history = RandomHistory(installation, seed)
            taken = [_snapshot(installation)]
            for _ in range(STEPS // BETWEEN):
                for _ in range(BETWEEN):
                    history.step()
                taken.append(_snapshot(installation))
            for snapshot in history.random.sample(taken, COMPARED):
                moments = (Moment("event", event=snapshot.event), Moment("time", time=snapshot.time))
                past = Past(installation.database, installation.services, history.random.choice(moments))
                _compare(installation, snapshot, past)
                with monkeypatch.context() as many_users:
                    many_users.setattr("lback_cli.managers.past_listing._MANY", 0)
                    _compare(installation, snapshot, past)
        finally:
            installation.database.dispose()


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_what_an_application_changed_is_marked_where_it_may_be_wrong(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    with database_of(kind, tmp_path, request) as url:
        installation = WideInstallation(url, tmp_path)
        try:
            history = HistoryWithAnApplication(installation, seed)
            taken = [_snapshot(installation)]
            for _ in range(STEPS // BETWEEN):
                for _ in range(BETWEEN):
                    history.step()
                taken.append(_snapshot(installation))
            for snapshot in history.random.sample(taken, COMPARED):
                for user_id, found in _as_of(installation, snapshot.event).items():
                    then, marks = snapshot.users[user_id], found.pop("marks")
                    wrong = {name for name in {*found, *then} if found.get(name) != then.get(name)}
                    assert wrong <= marks.keys() <= history.outside.get(user_id, set())
                    assert set(marks.values()) <= {"changed outside lback"}
            installation.register("last")
            user_id, field, value = history.change_outside()
            now = _as_of(installation, installation.log.checkpoint().seq)[user_id]
            assert (now[field], now["marks"][field]) == (value, "changed outside lback")
        finally:
            installation.database.dispose()


def _as_of(installation: WideInstallation, event: int) -> dict[int, dict[str, Any]]:
    """Return the users as of *event*, with their marks."""
    past = Past(installation.database, installation.services, Moment("event", event=event))
    with past.select_users(UserQuery()) as listing:
        views = {user.id: past_user_view(user, installation.services.attributes) for user in listing}
    return {user_id: {**comparable(view), "marks": view["marks"]} for user_id, view in views.items()}


def _snapshot(installation: WideInstallation) -> Snapshot:
    directory = Directory(installation.database, installation.services)
    with directory.select_users(UserQuery()) as users:
        passwords = {user.id: not user.password_hash.startswith("!") for user in users}
    groups = {group.name: group_view(group, size) for group, size in directory.list_groups()}
    event = installation.log.checkpoint().seq
    return Snapshot(event, utc_now(), installation.users_by_id(), passwords, groups)


def _compare(installation: WideInstallation, snapshot: Snapshot, past: Past) -> None:
    with past.select_users(UserQuery()) as listing:
        users = {user.id: user for user in listing}
    assert [*users] == [*snapshot.users]
    for user_id, user in users.items():
        view = past_user_view(user, installation.services.attributes)
        doubtful = {name for name, mark in view["marks"].items() if mark.endswith("erased")}
        assert view["marks"].keys() == doubtful, view
        if user.is_erased:
            assert user_id in listing.erased
            continue
        then = {**snapshot.users[user_id], "password": snapshot.passwords[user_id]}
        found = {**comparable(view), "password": view["password"] == "set"}
        assert _without(found, doubtful) == _without(then, doubtful)
    _compare_some(snapshot, past, Random(snapshot.event))
    for name in (*GROUPS, "basic_user"):
        _compare_group(name, snapshot, past)


def _compare_some(snapshot: Snapshot, past: Past, random: Random) -> None:
    """Compare pages, filters and one user with the snapshot."""
    if not snapshot.users:
        return
    descending = random.random() < 0.5
    ids = sorted(snapshot.users, reverse=descending)
    with past.select_users(UserQuery(limit=1, after=ids[0], descending=descending)) as page:
        assert [user.id for user in page] == ids[1:2]
    assert page.next_after == (ids[1] if len(ids) > 2 else None)
    chosen = random.choice(ids)
    with past.select_users(UserQuery()) as everybody:
        known = {user.id for user in everybody if user.values is not None and not user.marks}
    if chosen in known:
        for identifier in (snapshot.users[chosen]["username"], snapshot.users[chosen]["email"], f"id:{chosen}"):
            assert past.find_user(identifier).id == chosen
    with past.select_users(UserQuery(is_active=True, searches=["example.org"], sort="username")) as active:
        found = [user.id for user in active if user.id in known]
    expected = [
        (user["username"], user_id)
        for user_id, user in snapshot.users.items()
        if user_id in known and user["is_active"] and "example.org" in user["email"]
    ]
    assert found == [user_id for _, user_id in sorted(expected)]


def _compare_group(name: str, snapshot: Snapshot, past: Past) -> None:
    then = snapshot.groups.get(name)
    if then is None:
        with pytest.raises(GroupNotFound):
            past.find_group(name)
        return
    group, members, erased = past.find_group(name)
    view = past_group_view(group, members)
    assert view["marks"] == {}
    assert {key: view[key] for key in ("id", "name", "description")} == {
        key: then[key] for key in ("id", "name", "description")
    }
    assert str(view["created_at"])[:16] == then["created_at"][:16]
    assert members <= then["members"] <= members + len(erased) + _doubtful_members(past)


def _doubtful_members(past: Past) -> int:
    with past.select_users(UserQuery()) as users:
        return sum("groups" in user.marks for user in users)


def _without(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}
