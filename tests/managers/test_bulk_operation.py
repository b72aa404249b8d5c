"""Users who are changed together end like users who are changed one by one, with the same events."""

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from lback_cli import signals
from lback_cli.managers.user_sets import SetResult, UserSets
from lback_cli.repositories.user_query import UserQuery
from tests.events.random_history import VALUES, WideInstallation

GROUPS = ("staff", "guests", "admin")
FLAGS = (None, True, False)
UNRECORDED = {"id", "time", "operation_id", "invocation_id", "salt", "digest", "hash", "previous_hash"}

Observe = Callable[[], AbstractContextManager[object]]


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def pair(
    request: pytest.FixtureRequest, tmp_path: Path, database_on: Callable[[str], AbstractContextManager[str]]
) -> Iterator[tuple[WideInstallation, WideInstallation]]:
    """Two installations on databases of one kind."""
    with ExitStack() as running:
        made = []
        for name in ("together", "alone"):
            (tmp_path / name).mkdir()
            sqlite = nullcontext(f"sqlite:///{tmp_path}/{name}/users.db")
            url = running.enter_context(sqlite if request.param == "sqlite" else database_on(request.param))
            made.append(WideInstallation(url, tmp_path / name))
            running.callback(made[-1].database.dispose)
        yield made[0], made[1]


@pytest.mark.parametrize("seed", range(4))
def test_sets_have_the_results_and_events_of_single_operations(
    pair: tuple[WideInstallation, WideInstallation], seed: int
) -> None:
    outcomes = []
    for installation in pair:
        chance = random.Random(seed)
        populate(installation, chance)
        if installation is pair[0]:
            results = [*change(installation, chance)]
        else:
            with signals.user_updated.connected_to(listen), signals.user_deleted.connected_to(listen):
                results = [*change(installation, chance)]
        installation.log.verify()
        outcomes.append((results, users_of(installation), events_of(installation)))
    together, alone = outcomes
    assert together[0] == alone[0]
    assert together[1] == alone[1]
    assert together[2] == alone[2]
    assert {outcome for _, outcome, _ in together[0]} >= {"updated", "unchanged", "deleted", "failed"}


def populate(installation: WideInstallation, chance: random.Random) -> None:
    for group in GROUPS:
        installation.groups.create_group(group)
    for number in range(12):
        groups = chance.sample(GROUPS, chance.randint(0, 2))
        installation.register(f"user{number}", groups=groups, verified=number % 2 == 0, active=number % 3 > 0)


def change(installation: WideInstallation, chance: random.Random) -> Iterator[tuple[str, str, str | None]]:
    """Update sets of users in random ways, and delete the last, and return the results."""
    sets = UserSets(installation.database, installation.services, installation.users)
    for _ in range(15):
        members = sets.named([f"user{number}" for number in sorted(chance.sample(range(14), 6))])
        yield from map(
            shown, chain.from_iterable(sets.update(members, random_update(installation, chance), if_missing="fail"))
        )
    yield from map(shown, chain.from_iterable(sets.update(sets.named(["user1"]), {"add_groups": ["nosuch"]})))
    yield from map(
        shown, chain.from_iterable(sets.update(sets.matching(UserQuery(limit=None)), {"email": "same@example.org"}))
    )
    yield from map(
        shown, chain.from_iterable(sets.update(sets.named(["user1", "id:99"]), {"is_active": True}, if_missing="skip"))
    )
    yield from map(shown, chain.from_iterable(sets.delete(sets.named(["user3", "user4", "user5", "nosuch"]))))


def random_update(installation: WideInstallation, chance: random.Random) -> dict[str, Any]:
    data: dict[str, Any] = {"is_active": chance.choice(FLAGS), "is_email_verified": chance.choice(FLAGS)}
    data |= {kind: chance.sample(GROUPS, chance.randint(0, 2)) for kind in ("add_groups", "remove_groups")}
    for attribute in installation.services.attributes.rows:
        if not attribute.unique and chance.random() < 0.3:
            data[attribute.name] = chance.choice(VALUES[attribute.type])
    return {name: value for name, value in data.items() if chance.random() < 0.5}


def shown(result: SetResult) -> tuple[str, str, str | None]:
    return result.user, result.outcome, None if result.error is None else result.error.message


def listen(_sender: Any, **_arguments: Any) -> None:
    """Receive a signal, so that each user is changed alone."""


def users_of(installation: WideInstallation) -> dict[int, dict[str, Any]]:
    """Return the users without the times, which differ in each run."""
    users = installation.users_by_id()
    return {user_id: {**user, "created_at": None} for user_id, user in users.items()}


def events_of(installation: WideInstallation) -> list[dict[str, Any]]:
    """Return the events without what differs in each run."""
    found = []
    for event in installation.export():
        changes = (event["data"] or {}).get("changes", {})
        changes.pop("created_at", None)
        found.append({name: value for name, value in event.items() if name not in UNRECORDED})
    return found
