"""The users can be rebuilt from the events alone: a few random histories, or many with THOROUGH set."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.services import database_of

from .random_history import EXAMPLE, RandomHistory, WideInstallation

STEPS, BETWEEN = 200, 5
SEEDS = 30 if "THOROUGH" in os.environ else 3
VERIFIER = EXAMPLE.with_name("verify_events.py")


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_events_alone_lead_to_the_users(kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with database_of(kind, tmp_path, request) as url:
        installation = WideInstallation(url, tmp_path)
        try:
            history = RandomHistory(installation, seed)
            for _ in range(STEPS // BETWEEN):
                done = [history.step() for _ in range(BETWEEN)]
                _compare(installation, ", ".join(done))
                installation.log.verify()
            members = [*installation.users_by_id()]
            assert members, "the history left no users to compare"
            installation.groups.create_group("last")
            installation.users.update_user(members[0], {"add_groups": ["last"]})
            installation.groups.delete_group("last")
            _compare(installation, "delete_group with members")
            _verify_independently(installation, tmp_path / "exported.jsonl")
        finally:
            installation.database.dispose()


def test_example_prints_the_users_of_an_exported_log(tmp_path: Path) -> None:
    installation = WideInstallation(f"sqlite:///{tmp_path}/users.db", tmp_path)
    installation.groups.create_group("staff")
    ann = installation.register("ann", groups=["staff"])
    installation.register("bob")
    installation.users.update_user(ann.id, {"username": "anna", "badge": 7})
    installation.users.delete_user(2)
    installation.groups.delete_group("staff")
    log = tmp_path / "events.jsonl"
    log.write_text("".join(json.dumps(event) + "\n" for event in installation.export()))

    done = subprocess.run([sys.executable, EXAMPLE, log], capture_output=True, text=True, check=True)

    users = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(user["id"], user["username"], user["badge"], user["groups"]) for user in users] == [
        (1, "anna", 7, ["basic_user"])
    ]
    installation.database.dispose()


def _verify_independently(installation: WideInstallation, path: Path) -> None:
    events = [*installation.export()]
    path.write_text("".join(json.dumps(event, ensure_ascii=False) + "\n" for event in events))
    done = subprocess.run([sys.executable, VERIFIER, path], capture_output=True, text=True, check=False)
    expected = f"{len(events)} events, intact, the last with hash {events[-1]['hash']}\n"
    assert (done.stdout, done.stderr) == (expected, "")


def _compare(installation: WideInstallation, done: str) -> None:
    left_out = installation.incomplete()

    def complete(users: dict[int, dict[str, Any]]) -> dict[int, dict[str, Any]]:
        return {user_id: user for user_id, user in users.items() if user_id not in left_out}

    assert complete(installation.rebuilt()) == complete(installation.users_by_id()), f"after {done}"
