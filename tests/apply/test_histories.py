"""Random histories of wanted states and of changes by hand: a few of them, or a thousand with THOROUGH set."""

import json
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from lback_cli.apply.declarations import Declarations
from lback_cli.apply.differences import Difference, Differences
from tests.events.random_history import VALUES, WideInstallation

HISTORIES = 1000 if "THOROUGH" in os.environ else 6
STEPS = 4
NAMES = tuple(f"user{number}" for number in range(8))
GROUPS = ("staff", "guests", "press")
OWNERS = ("north", "south")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the tables, to be copied."""
    directory = tmp_path_factory.mktemp("empty")
    installation = WideInstallation(f"sqlite:///{directory}/users.db", directory)
    installation.checkpoint_and_close()
    return directory / "users.db"


@pytest.fixture
def made(tmp_path: Path, empty: Path) -> Iterator[WideInstallation]:
    """An installation with no users."""
    shutil.copy(empty, tmp_path / "users.db")
    installation = WideInstallation(f"sqlite:///{tmp_path}/users.db", tmp_path)
    yield installation
    installation.database.dispose()


class History:
    """Wanted states, each applied, and changes by hand between them."""

    def __init__(self, made: WideInstallation, seed: int) -> None:
        self.made = made
        self.random = random.Random(seed)
        self.owned: dict[str, set[str]] = {owner: set() for owner in OWNERS}
        self.declarations = Declarations(made.database, made.services, lambda: (made.users, made.groups))
        for name in self.random.sample(NAMES, 2):
            made.register(name)  # whom no file made

    def step(self) -> None:
        """Apply a random state, check its effect, change something by hand, and let it be found and removed."""
        owner = self.random.choice(OWNERS)
        state = self.state(owner)
        before = self.users()
        self.apply(state)
        after = self.users()
        self.check(state, before, after)

        changed = self.change_by_hand(state)
        found = self.differences(state)
        assert {difference.name for difference in found} == changed
        self.apply(state)
        self.prune(owner, state)

    def state(self, owner: str) -> dict[str, Any]:
        """Return a random file."""
        existing = self.users()
        users = []
        for name in self.random.sample(NAMES, self.random.randint(1, 6)):
            if self.random.random() < 0.15:
                users.append({"username": name, "state": "absent"})
                continue
            managed: dict[str, Any] = {
                "email": f"{name}@{self.random.choice(['a.example', 'b.example'])}",
                "groups": self.random.sample(GROUPS, self.random.randint(0, 2)),
                "active": self.random.choice([True, False]),
                "verified": self.random.choice([True, False]),
                "external_id": self.random.choice([None, f"X-{name}"]),
                "display_name": self.random.choice([None, "no", "0123"]),
                "attributes": {
                    attribute.name: self.random.choice(VALUES[attribute.type])
                    for attribute in self.made.services.attributes.rows
                    if attribute.declared and self.random.random() < 0.5
                },
            }
            kept = {key: value for key, value in managed.items() if self.random.random() < 0.6}
            if name not in existing:
                kept["email"] = managed["email"]
            users.append({"username": name, **kept})
        groups = [{"name": name} for name in GROUPS]
        return {"owner": owner, "groups": groups, "users": users}

    def apply(self, state: dict[str, Any]) -> None:
        """Apply *state*; applying it again finds nothing to do."""
        before = self.users()
        results = [*chain.from_iterable(self.declarations.apply(self.found(state, prune=False)))]
        assert [result for result in results if result.error is not None] == []
        assert self.differences(state) == []
        created = {*self.users()} - {*before}
        self.owned = {owner: names - created for owner, names in self.owned.items()}
        self.owned[state["owner"]] |= created
        events = len(self.made.export())
        assert [*chain.from_iterable(self.declarations.apply(self.found(state, prune=False)))] == []
        assert len(self.made.export()) == events

    def check(self, state: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
        """Check that users are as *state* says, and that all else is as it was."""
        named = {user["username"]: user for user in state["users"]}
        assert {name: user for name, user in after.items() if name not in named} == {
            name: user for name, user in before.items() if name not in named
        }
        for name, user in named.items():
            if user.get("state") == "absent":
                assert name not in after
                continue
            found = after[name]
            keys = {"active": "is_active", "verified": "is_email_verified"}
            values = {**user, **user.get("attributes", {})}
            for key, value in values.items():
                if key == "groups":
                    assert sorted({*found["groups"]} - {"basic_user"}) == sorted(value)
                elif key != "attributes":
                    assert found.get(keys.get(key, key)) == value, (name, key)

    def change_by_hand(self, state: dict[str, Any]) -> set[str]:
        """Change a user of the file and one outside of it, and return the names that have to be found."""
        users = self.users()
        outside = [name for name in users if name not in {user["username"] for user in state["users"]}]
        if outside:
            self.update(self.random.choice(outside), {"display_name": "by hand"})
        candidates = [user for user in state["users"] if user["username"] in users and "active" in user]
        if not candidates:
            return set()
        user = self.random.choice(candidates)
        if self.random.random() < 0.3 and "email" in user:
            self.made.users.delete_user(users[user["username"]]["id"])
        else:
            self.update(user["username"], {"is_active": not user["active"]})
        return {user["username"]}

    def update(self, name: str, data: dict[str, Any]) -> None:
        self.made.users.update_user(self.users()[name]["id"], data)

    def prune(self, owner: str, state: dict[str, Any]) -> None:
        """Prune: exactly the users whom this owner made and does not name are deleted."""
        named = {user["username"] for user in state["users"]}
        before = self.users()
        results = [*chain.from_iterable(self.declarations.apply(self.found(state, prune=True)))]
        assert [result for result in results if result.error is not None] == []
        assert {*before} - {*self.users()} == (self.owned[owner] & {*before}) - named

    def users(self) -> dict[str, dict[str, Any]]:
        """Return the users by name."""
        return {user["username"]: {**user, "id": user_id} for user_id, user in self.made.users_by_id().items()}

    def differences(self, state: dict[str, Any]) -> Sequence[Difference]:
        return self.found(state, prune=False).found

    def found(self, state: dict[str, Any], *, prune: bool) -> Differences:
        path = self.made.directory / "state.json"
        path.write_text(json.dumps(state))
        return self.declarations.differences([str(path)], prune=prune)


@pytest.mark.parametrize("seed", range(HISTORIES))
def test_states_are_reached_and_kept_apart(made: WideInstallation, seed: int) -> None:
    history = History(made, seed)
    for _ in range(STEPS):
        history.step()
    made.log.verify()
