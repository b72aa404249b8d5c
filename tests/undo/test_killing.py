"""The undo of an import that is killed at random and run again until it is done: exactly the imported users are gone.

Two kills, or with THOROUGH set the undo of 100,000 users that is killed ten times.
"""

import json
import os
import random
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.events.random_history import WideInstallation
from tests.imports.harness import ARGON2
from tests.installed_command import InstalledCommand

USERS, KILLS = (100_000, 10) if "THOROUGH" in os.environ else (3_000, 2)
LONGEST = 0.2
"""Seconds from the commit that a kill waits for to the kill."""


def test_a_killed_undo_goes_on_until_exactly_the_import_is_undone(lback: InstalledCommand, tmp_path: Path) -> None:
    path = tmp_path / "users.db"
    url = f"sqlite:///{path}"
    made = WideInstallation(url, tmp_path)
    made.groups.create_group("staff")
    for name in ("ann", "bob"):
        made.users.register_user(name, f"{name}@example.org", None, groups=["staff"], mail="none")
    made.checkpoint_and_close()
    before = state(path)
    file = tmp_path / "new.csv"
    rows = (f'user{number},user{number}@example.org,"{ARGON2}",staff\n' for number in range(USERS))
    file.write_text("username,email,password_hash,groups\n" + "".join(rows))
    importing = lback.start("user", "import", str(file), "--mail", "none", "-o", "json", LBACK_DATABASE_URL=url)
    job = json.loads(importing.communicate()[0])["job"]
    command = ("undo", "--import", job, "--yes", "--max-share", "100", "-o", "jsonl")

    chance = random.Random(7)
    for number in range(1, KILLS + 1):
        process = lback.start(*command, LBACK_DATABASE_URL=url, stdout=subprocess.DEVNULL)
        wait_until(path, at_most=2 + USERS - USERS * number // (KILLS + 1))
        time.sleep(chance.uniform(0, LONGEST))
        assert process.poll() is None, "it ended before the kill"
        process.kill()
        process.communicate()
    left = [name for name, *_ in state(path)["users"] if name.startswith("user")]
    last = lback.start(*command, LBACK_DATABASE_URL=url)
    out, err = last.communicate()
    assert last.returncode == 0, err.decode()
    parts = [json.loads(line) for line in out.splitlines()]
    outcomes = {part["subject"]: part["outcome"] for part in parts}
    assert outcomes == {f"user{number}": "unchanged" for number in range(USERS)} | dict.fromkeys(left, "deleted")

    assert state(path) == before
    created, deleted = (events_of(path, signal) for signal in ("user_registered", "user_deleted"))
    assert [data["undoes"] for _, data in deleted] == [seq for seq, _ in created[2:]][::-1]
    made = WideInstallation(url, tmp_path)
    try:
        made.log.verify()
        assert made.rebuilt() == made.users_by_id()
    finally:
        made.database.dispose()


def wait_until(path: Path, *, at_most: int) -> None:
    """Wait until there are so few users."""
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        while connection.execute("SELECT count(*) FROM users").fetchone()[0] > at_most:
            time.sleep(0.01)


def state(path: Path) -> dict[str, list[Any]]:
    """Return the users with their groups, and the memberships of whom there is no user."""
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        users = connection.execute(
            "SELECT u.*, (SELECT group_concat(group_id) FROM user_groups_association WHERE user_id = u.id) FROM users u"
        ).fetchall()
        orphans = connection.execute(
            "SELECT * FROM user_groups_association WHERE user_id NOT IN (SELECT id FROM users)"
        ).fetchall()
    return {"users": [(row[1], *row) for row in users], "orphans": orphans}


def events_of(path: Path, signal: str) -> list[tuple[int, dict[str, Any]]]:
    """Return the numbers and the data of the events of that signal."""
    with closing(sqlite3.connect(path, timeout=60)) as connection:
        rows = connection.execute("SELECT seq, data FROM lback_events WHERE signal = ? ORDER BY seq", [signal])
        return [(seq, json.loads(data)) for seq, data in rows]
