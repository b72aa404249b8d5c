"""Sets, wanted states and scripts that are killed at random: the log says what is committed, and a second run ends it.

A few kills, or many with THOROUGH set.
"""

import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.events.random_history import WideInstallation
from tests.installed_command import InstalledCommand

KILLS = 25 if "THOROUGH" in os.environ else 1
USERS = 600
UPDATE = ("user", "update", "--where", "search=user", "--set", "display_name=X", "--yes", "-q")
DELETE = ("user", "delete", "--where", "search=user", "--max-share", "100", "-q")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with many users."""
    directory = tmp_path_factory.mktemp("filled")
    installation = WideInstallation(f"sqlite:///{directory}/users.db", directory)
    for number in range(USERS):
        installation.users.register_user(f"user{number}", f"user{number}@example.org", None, mail="none")
    installation.checkpoint_and_close()
    return directory / "users.db"


@pytest.mark.parametrize("seed", range(KILLS))
@pytest.mark.parametrize("kind", ["update", "delete", "apply", "run"])
def test_a_killed_command_leaves_what_the_log_says_and_is_finished_by_a_second_run(
    lback: InstalledCommand, filled: Path, tmp_path: Path, kind: str, seed: int
) -> None:
    shutil.copy(filled, tmp_path / "users.db")
    url = f"sqlite:///{tmp_path}/users.db"
    command = command_of(kind, tmp_path)
    chance = random.Random(seed)

    process = lback.start(*command(USERS), LBACK_DATABASE_URL=url)
    time.sleep(chance.uniform(0.3, 0.7))
    process.kill()
    process.communicate()

    left = compare(url, tmp_path)
    counts = {"update": USERS, "apply": USERS, "run": USERS, "delete": len(left)}
    finished = lback(*command(counts[kind]), LBACK_DATABASE_URL=url)
    assert finished.status == 0, finished.err
    users = compare(url, tmp_path)
    if kind == "delete":
        assert users == {}
    else:
        assert {user["display_name"] for user in users.values()} == {"X"}


def command_of(kind: str, directory: Path) -> Any:
    """Return the words of the command for so many users."""
    script, state = directory / "script", directory / "state.json"
    script.write_text("".join(f"user update user{number} --set display_name=X\n" for number in range(USERS)))
    users = [{"username": f"user{number}", "display_name": "X"} for number in range(USERS)]
    state.write_text(json.dumps({"users": users}))
    return {
        "update": lambda _: UPDATE,
        "delete": lambda count: (*DELETE, f"--confirm={count}"),
        "apply": lambda _: ("apply", str(state), "--yes", "-q"),
        "run": lambda _: ("run", str(script), "-q"),
    }[kind]


def compare(url: str, directory: Path) -> dict[int, dict[str, Any]]:
    """Check that the log verifies and that the events alone lead to the users, and return these."""
    installation = WideInstallation(url, directory)
    try:
        installation.log.verify()
        users = installation.users_by_id()
        assert installation.rebuilt() == users
    finally:
        installation.database.dispose()
    return users
