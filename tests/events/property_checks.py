"""The two trials of the chain: tampered logs must all be found, honest ones must all pass."""

import contextlib
import random
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lback_cli.errors import BrokenEventLog
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.managers.event_log import verify_lines

from .harness import Life, World
from .reference_verifier import problem
from .tampering import NEEDS_A_CHECKPOINT, UNSEEN_BY_THE_EXAMPLE, Rows, Tamperer, lines_of, store

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "verify_events.py"


@dataclass
class Tally:
    """How the trials went: how many of each kind, how many the example was *asked* about too, and who missed what."""

    tried: Counter[str] = field(default_factory=Counter)
    asked: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.tried.values())


def logs(empty: Path, directory: Path, count: int, steps: int, seed: int = 0) -> list[tuple[Path, Rows]]:
    """Honest logs as (database file, exported rows), each with an erasure in it."""
    made = []
    for number in range(count):
        world = World.on_copy(empty, directory / f"log{seed}-{number}")
        life = Life(world, seed * 1000 + number)
        for name in ("alice", "bob"):
            world.register(name)
        while len(world.rows()) < steps:
            life.step()
        world.register("zelda")
        world.log.erase_user("zelda", world.users)
        world.register("yves")
        made.append((world.path, world.export()))
        world.tidy()
    return made


def try_files(made: list[tuple[Path, Rows]], count: int, seed: int, example_every: int) -> Tally:
    """Tamper with exported files; the example is asked about each *example_every*-th, as a program of its own."""
    tally, choice = Tally(), random.Random(seed)
    for number in range(count):
        _, rows = choice.choice(made)
        what, changed, hidden = Tamperer(seed * 100_000 + number).tamper(rows)
        lines = lines_of(changed)
        pin = Checkpoint(rows[-1]["seq"], rows[-1]["seq"], rows[-1]["hash"]) if hidden else None
        tally.tried[what] += 1
        if not _refused(lines, pin):
            tally.missed.append(f"lback: file {number}: {what}")
        if problem(lines, None if pin is None else str(pin)) is None:
            tally.missed.append(f"independent: file {number}: {what}")
        if number % example_every == 0 and what not in UNSEEN_BY_THE_EXAMPLE | NEEDS_A_CHECKPOINT:
            tally.asked += 1
            if example("".join(lines)).returncode == 0:
                tally.missed.append(f"example: file {number}: {what}")
    return tally


def try_databases(made: list[tuple[Path, Rows]], count: int, seed: int, scratch: Path) -> Tally:
    """Tamper with stored logs; half of what needs a checkpoint has the head made to fit, and then one is used."""
    tally, choice = Tally(), random.Random(seed)
    for number in range(count):
        path, rows = choice.choice(made)
        what, changed, hidden = Tamperer(seed * 100_000 + number).tamper(rows)
        if what in ("duplicate", "swap"):
            # The table has no order of its own, and numbers only once: that is another kind of change there.
            changed.sort(key=lambda row: row["seq"])
            if changed == rows:
                continue
        target = scratch / f"{number}.db"
        shutil.copy(path, target)
        last: dict[str, Any] = changed[-1] if changed else {"seq": 0, "hash": "0" * 64}
        forged_head = hidden and choice.random() < 0.5
        store(target, changed, (last["seq"], last["hash"]) if forged_head else None)
        pin = Checkpoint(rows[-1]["seq"], rows[-1]["seq"], rows[-1]["hash"]) if forged_head else None
        world = World(f"sqlite:///{target}", scratch)
        tally.tried[what] += 1
        try:
            world.log.verify(pin)
        except BrokenEventLog:
            pass
        else:
            tally.missed.append(f"database {number}: {what}")
        world.database.dispose()
        target.unlink()
    return tally


def try_honest(empty: Path, directory: Path, count: int) -> tuple[int, list[str]]:
    """How many events *count* honest logs had, and which of these were taken for tampered, by whom."""
    events, alarms = 0, []
    for number in range(count):
        world = World.on_copy(empty, directory / f"honest{number}")
        life = Life(world, number)
        pin: Any = None
        for step in range(life.random.randrange(2, 14)):
            life.step()
            if step == 3:
                pin = world.log.checkpoint()
        rows = world.export()
        lines = lines_of(rows)
        events += len(rows)
        with contextlib.ExitStack() as stack:
            stack.callback(world.database.dispose)
            try:
                world.log.verify(pin)
                if rows:
                    verify_lines(lines, pin)
            except BrokenEventLog as error:
                alarms.append(f"lback: log {number}: {error}")
        if (found := problem(lines, None if pin is None else str(pin))) is not None:
            alarms.append(f"independent: log {number}: {found}")
        if number % 50 == 0 and example("".join(lines)).returncode != 0:
            alarms.append(f"example: log {number}")
        shutil.rmtree(world.directory)
    return events, alarms


def example(text: str) -> "subprocess.CompletedProcess[str]":
    """What the example in the documentation says of an exported log."""
    return subprocess.run(
        [sys.executable, EXAMPLE], input=text, capture_output=True, text=True, encoding="utf-8", check=False
    )


def _refused(lines: list[str], pin: Checkpoint | None) -> bool:
    try:
        verify_lines(lines, pin)
    except BrokenEventLog:
        return True
    return False
