"""Trials of the verifiers: they must detect every tampered log, and accept every honest log."""

import contextlib
import random
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lback_cli.errors import BrokenEventLog
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.export import verify_lines

from .harness import Installation, RandomOperations
from .reference_verifier import problem
from .tampering import NEEDS_A_CHECKPOINT, UNSEEN_BY_THE_EXAMPLE, Rows, Tamperer, lines_of, store

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "verify_events.py"


@dataclass
class Trials:
    """The number of trials of each kind, how many of them the example verified too, and which were *missed*."""

    tried: Counter[str] = field(default_factory=Counter)
    by_example: int = 0
    missed: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.tried.values())


def logs(empty: Path, directory: Path, count: int, steps: int, seed: int = 0) -> list[tuple[Path, Rows]]:
    """Return honest logs as (database file, exported rows), each with an erasure."""
    made = []
    for number in range(count):
        installation = Installation.on_copy(empty, directory / f"log{seed}-{number}")
        operations = RandomOperations(installation, seed * 1000 + number)
        for name in ("alice", "bob"):
            installation.register(name)
        while len(installation.rows()) < steps:
            operations.step()
        installation.register("zelda")
        installation.log.erase_user("zelda", installation.users)
        installation.register("yves")
        made.append((installation.path, installation.export()))
        installation.checkpoint_and_close()
    return made


def try_files(made: list[tuple[Path, Rows]], count: int, seed: int, example_every: int) -> Trials:
    """Tamper with exported files. The example of the documentation verifies every *example_every*-th of them too."""
    trials, choice = Trials(), random.Random(seed)
    for number in range(count):
        _, rows = choice.choice(made)
        what, changed, hidden = Tamperer(seed * 100_000 + number).tamper(rows)
        lines = lines_of(changed)
        pin = Checkpoint(rows[-1]["seq"], rows[-1]["seq"], rows[-1]["hash"]) if hidden else None
        trials.tried[what] += 1
        if not _refused(lines, pin):
            trials.missed.append(f"lback: file {number}: {what}")
        if problem(lines, None if pin is None else str(pin)) is None:
            trials.missed.append(f"independent: file {number}: {what}")
        if number % example_every == 0 and what not in UNSEEN_BY_THE_EXAMPLE | NEEDS_A_CHECKPOINT:
            trials.by_example += 1
            if example("".join(lines)).returncode == 0:
                trials.missed.append(f"example: file {number}: {what}")
    return trials


def try_databases(made: list[tuple[Path, Rows]], count: int, seed: int, scratch: Path) -> Trials:
    """Tamper with stored logs. For half of the changes that need a checkpoint the head is forged too."""
    trials, choice = Trials(), random.Random(seed)
    for number in range(count):
        path, rows = choice.choice(made)
        what, changed, hidden = Tamperer(seed * 100_000 + number).tamper(rows)
        if what in ("duplicate", "swap"):
            # A table has no order, so this is another change there.
            changed.sort(key=lambda row: row["seq"])
            if changed == rows:
                continue
        target = scratch / f"{number}.db"
        shutil.copy(path, target)
        last: dict[str, Any] = changed[-1] if changed else {"seq": 0, "hash": "0" * 64}
        forged_head = hidden and choice.random() < 0.5
        store(target, changed, (last["seq"], last["hash"]) if forged_head else None)
        pin = Checkpoint(rows[-1]["seq"], rows[-1]["seq"], rows[-1]["hash"]) if forged_head else None
        installation = Installation(f"sqlite:///{target}", scratch)
        trials.tried[what] += 1
        try:
            installation.log.verify(pin)
        except BrokenEventLog:
            pass
        else:
            trials.missed.append(f"database {number}: {what}")
        installation.database.dispose()
        target.unlink()
    return trials


def try_honest(empty: Path, directory: Path, count: int) -> tuple[int, list[str]]:
    """Verify *count* honest logs; return the number of events, and the alarms."""
    events, alarms = 0, []
    for number in range(count):
        installation = Installation.on_copy(empty, directory / f"honest{number}")
        operations = RandomOperations(installation, number)
        pin: Any = None
        for step in range(operations.random.randrange(2, 14)):
            operations.step()
            if step == 3:
                pin = installation.log.checkpoint()
        rows = installation.export()
        lines = lines_of(rows)
        events += len(rows)
        with contextlib.ExitStack() as stack:
            stack.callback(installation.database.dispose)
            try:
                installation.log.verify(pin)
                if rows:
                    verify_lines(lines, pin)
            except BrokenEventLog as error:
                alarms.append(f"lback: log {number}: {error}")
        if (found := problem(lines, None if pin is None else str(pin))) is not None:
            alarms.append(f"independent: log {number}: {found}")
        if number % 50 == 0 and example("".join(lines)).returncode != 0:
            alarms.append(f"example: log {number}")
        shutil.rmtree(installation.directory)
    return events, alarms


def example(text: str) -> "subprocess.CompletedProcess[str]":
    """Run the example of the documentation on an exported log."""
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        return subprocess.run([sys.executable, EXAMPLE, file.name], capture_output=True, text=True, check=False)


def _refused(lines: list[str], pin: Checkpoint | None) -> bool:
    try:
        verify_lines(lines, pin)
    except BrokenEventLog:
        return True
    return False
