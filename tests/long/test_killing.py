"""The installed command, killed a few hundred times: `pytest tests/long/test_killing.py`, with KILLS for more.

On SQLite, and on the PostgreSQL server of TEST_POSTGRESQL (a URL of a user who may create databases).
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests.batch.killing import options
from tests.batch.world import World, mixed_csv, read_jsonl

KILLS = int(os.environ.get("KILLS", "200"))
ROWS = int(os.environ.get("ROWS", "60000"))
SHORTEST, LONGEST = 0.3, 1.4  # seconds
SERVER = os.environ.get("TEST_POSTGRESQL", "postgresql+psycopg://root@127.0.0.1:5432/postgres")


@pytest.fixture
def postgresql() -> Iterator[list[str]]:
    """URLs of two new databases."""
    engine = create_engine(SERVER, isolation_level="AUTOCOMMIT")
    names = [f"lback_kill_{os.getpid()}_{number}" for number in range(2)]
    with engine.connect() as connection:
        for name in names:
            connection.execute(text(f"CREATE DATABASE {name}"))
    yield [make_url(SERVER).set(database=name).render_as_string(hide_password=False) for name in names]
    with engine.connect() as connection:
        for name in names:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


def killed(world: World, path: Path, chance: random.Random, most: int) -> int:
    """Run the command until it comes through, and kill it at most so many times before; how often that was."""
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
    """What an import leaves, in the database and in its files."""
    report = read_jsonl(world.directory / "report.jsonl", ids=ids)
    return world.state(), world.jobs(), report, (world.directory / "rejects.csv").read_text()


def test_sqlite(tmp_path: Path) -> None:
    compare(World(tmp_path / "clean"), (World(tmp_path / f"killed{number}") for number in range(100)), ids=True)


def test_postgresql(tmp_path: Path, postgresql: list[str]) -> None:
    """A sequence gives out numbers that a rollback does not take back, so ids may differ there."""
    first, second = postgresql

    def fresh() -> Iterator[World]:
        for number in range(100):
            world = World(tmp_path / f"killed{number}", second)
            with world.database.session() as session:
                session.execute(text("DELETE FROM lback_import_jobs"))
                session.execute(text("DELETE FROM user_groups_association"))
                session.execute(text("DELETE FROM users"))
                session.execute(text("DELETE FROM groups WHERE name = 'basic_user'"))
                session.execute(text("DELETE FROM lback_events"))
                session.execute(text("UPDATE lback_event_head SET seq = 0, hash = repeat('0', 64)"))
            yield world

    compare(World(tmp_path / "clean", first), fresh(), ids=False)
