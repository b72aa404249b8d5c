"""The installed command, killed a few hundred times, or KILLS times: `pytest -m slow tests/slow/test_killing.py -s`."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from lback_cli.events.hash_chain import GENESIS
from lback_cli.models import Group, ImportJob, User
from lback_cli.models.tables import EVENT_HEAD, EVENTS, MEMBERSHIPS
from tests.imports.harness import World, mixed_csv, read_jsonl
from tests.imports.kill_import import options

KILLS = int(os.environ.get("KILLS", "200"))
ROWS = int(os.environ.get("ROWS", "60000"))
SHORTEST, LONGEST = 0.3, 1.4  # seconds


def killed(world: World, path: Path, chance: random.Random, most: int) -> int:
    """Run the command until it finishes, killing it at most so many times; return the number of kills."""
    wanted = options(world.directory)
    command = [
        *[str(Path(sys.executable).with_name("lback")), "user", "import", str(path), "-q", "--resume"],
        *["--if-exists", "update", "--mail", "none"],
        *["--report", str(wanted.report), "--rejects", str(wanted.rejects)],
    ]
    environment = os.environ | {"LBACK_DATABASE_URL": world.settings.database.url, "HOME": str(world.directory)}
    for number in range(most + 1):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        if number < most:
            time.sleep(chance.uniform(SHORTEST, LONGEST))
            process.kill()
        _, err = process.communicate()
        if process.returncode != -signal.SIGKILL:
            assert process.returncode == 8, err.decode()
            return number
    return most


def compare(clean: World, worlds: Iterator[World], *, ids: bool) -> None:
    path = clean.write(mixed_csv(ROWS, seed=11, updates=0.02))
    clean.run(path, options(clean.directory))
    expected = left(clean, ids=ids)
    chance, kills = random.Random(5), 0
    for world in worlds:
        kills += killed(world, path, chance, KILLS - kills)
        assert left(world, ids=ids) == expected, f"after {kills} kills"
        sys.stdout.write(f"{kills} kills\n")
        world.close()
        if kills >= KILLS:
            break
    assert kills >= KILLS, f"only {kills} kills came in time"
    clean.close()


def left(world: World, *, ids: bool) -> object:
    """Return the rows and the files that an import has written."""
    report = read_jsonl(world.directory / "report.jsonl", ids=ids)
    return world.state(), world.jobs(), report, (world.directory / "rejects.csv").read_text()


def test_sqlite(tmp_path: Path) -> None:
    compare(World(tmp_path / "clean"), (World(tmp_path / f"killed{number}") for number in range(100)), ids=True)


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_server(tmp_path: Path, server: str, database_on: Callable[[str], AbstractContextManager[str]]) -> None:
    """A rollback leaves gaps in sequences of a server, so ids may differ there."""

    def fresh(url: str) -> Iterator[World]:
        for number in range(100):
            world = World(tmp_path / f"killed{number}", url)
            with world.database.session() as session:
                for table in (ImportJob, MEMBERSHIPS, User, EVENTS):
                    session.execute(delete(table))
                session.execute(delete(Group).where(Group.name == "basic_user"))
                session.execute(update(EVENT_HEAD).values(seq=0, hash=GENESIS))
            yield world

    with database_on(server) as first, database_on(server) as second:
        compare(World(tmp_path / "clean", first), fresh(second), ids=False)
