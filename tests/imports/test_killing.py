"""kill -9 at any moment, repeatedly: no row is lost, duplicated or incomplete."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from .harness import World, mixed_csv, read_jsonl
from .kill_import import options

KILLS = 10
ROWS = 3000
CHUNK = 100
LONGEST = 250  # milliseconds
PROGRAM = Path(__file__).with_name("kill_import.py")


def test_repeatedly_killed_import_ends_like_an_uninterrupted_one(worlds: Callable[[], World]) -> None:
    clean = worlds()
    path = clean.write(mixed_csv(ROWS, seed=7))
    clean.run(path, options(clean.directory))
    expected = (clean.state(), *files(clean), clean.jobs())

    killed = rounds = 0
    while killed < KILLS:
        rounds += 1
        world = worlds()
        command = [sys.executable, PROGRAM, world.settings.database.url, world.directory, path]
        numbers = [KILLS - killed, LONGEST, rounds, CHUNK]
        done = subprocess.run([*map(str, [*command, *numbers])], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        killed += int(done.stdout)
        assert (world.state(), *files(world), world.jobs()) == expected, f"after {killed} kills"


def files(world: World) -> tuple[object, str]:
    return read_jsonl(world.directory / "report.jsonl", ids=True), (world.directory / "rejects.csv").read_text()
