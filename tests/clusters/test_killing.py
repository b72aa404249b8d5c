"""Servers killed under an import and other writers, KILLS times on each engine: `pytest -m cluster -k killing -s`."""

import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from lback_cli.errors import DatabaseError, OutcomeUnknown
from lback_cli.models import User
from lback_cli.models.tables import EVENTS
from tests.imports.harness import ARGON2, PASSWORD, World, read_jsonl
from tests.installed_command import Finished, InstalledCommand

from .engine import Engine

KILLS = int(os.environ.get("KILLS", "3"))
ROWS = 2000
PAUSE = 0.1
"""Seconds between two registrations of a writer."""

LONGEST = 0.8
"""The most seconds from the beginning of an import to the failure."""


@dataclass
class Writer:
    """Registers users at *world* until it is stopped, and remembers what was reported."""

    world: World
    prefix: str
    outcomes: dict[str, str] = field(default_factory=dict)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            name = f"{self.prefix}-{len(self.outcomes)}"
            try:
                self.world.users.register_user(name, f"{name}@example.org", PASSWORD, verified=True)
            except OutcomeUnknown:
                self.outcomes[name] = "unknown"
            except DatabaseError:
                self.outcomes[name] = "failed"
            else:
                self.outcomes[name] = "done"
            stop.wait(PAUSE)


@dataclass
class Import:
    """Runs the command that imports a file at one of *urls*, and resumes it at another one when it fails."""

    lback: InstalledCommand
    urls: Sequence[str]
    path: Path
    resumed: int = 0
    ended: Finished | None = None

    @property
    def report(self) -> Path:
        return self.path.with_suffix(".jsonl")

    def run(self) -> None:
        deadline = time.monotonic() + 180
        options = ("--mail", "none", "--report", str(self.report), "-o", "json")
        while True:
            place = ("--database-url", self.urls[self.resumed % len(self.urls)])
            done = self.lback(
                "user", "import", str(self.path), *options, *place, *(["--resume"] if self.resumed else [])
            )
            # 6: a place may still show the lease of the process that has failed.
            if done.status not in {6, 9} or time.monotonic() > deadline:
                break
            self.resumed += 1
        self.ended = done


def test_killed_servers_lose_and_double_nothing(
    engine: Engine, urls: list[str], tmp_path: Path, lback: InstalledCommand
) -> None:
    worlds = [World(tmp_path / f"place{number}", url) for number, url in enumerate(urls)]
    engine.settle()
    chance, totals = random.Random(KILLS), Counter[str]()
    reported: dict[str, str] = {}
    for number in range(KILLS):
        failure = engine.failures[number % len(engine.failures)]

        def fail(failure: str = failure) -> None:
            time.sleep(chance.uniform(0, LONGEST))
            engine.fail(failure, chance.randrange(len(worlds)))
            time.sleep(chance.uniform(0, LONGEST))

        totals += kill_once(engine, worlds, importing(lback, urls, f"r{number}"), reported, fail)
        seen = [content(world) for world in worlds]
        assert all(one == seen[0] for one in seen), "the places differ"
        check(reported, *seen[0])
        sys.stdout.write(f"{number + 1} kills, {dict(totals)}\n")
        sys.stdout.flush()
    for world in worlds:
        world.close()


def importing(lback: InstalledCommand, urls: Sequence[str], prefix: str) -> Import:
    """Write a file of users, and return its import."""
    path = lback.directory / f"{prefix}.csv"
    lines = [f'{prefix}-row{number},{prefix}-row{number}@example.org,"{ARGON2}",true\n' for number in range(ROWS)]
    path.write_text("username,email,password_hash,is_email_verified\n" + "".join(lines))
    return Import(lback, urls, path)


def kill_once(
    engine: Engine, worlds: Sequence[World], imported: Import, reported: dict[str, str], fail: Callable[[], None]
) -> Counter[str]:
    """Let *fail* break something under an import and writers, and wait until they have ended.

    what was *reported* is added. The result counts the outcomes of the writers.
    """
    prefix = imported.path.stem
    writers = [Writer(world, f"{prefix}-writer{number}") for number, world in enumerate([*worlds, worlds[-1]])]
    stop = threading.Event()
    threads = [threading.Thread(target=writer.run, args=(stop,)) for writer in writers]
    importer = threading.Thread(target=imported.run)
    for thread in (*threads, importer):
        thread.start()
    try:
        fail()
        engine.recover()
        importer.join()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    engine.settle()
    assert imported.ended is not None, "the import failed"
    assert imported.ended.status == 0, imported.ended.err
    people = [f"{prefix}-row{number}" for number in range(ROWS)]
    assert [(row["username"], row["outcome"]) for row in read_jsonl(imported.report)] == [
        (name, "created") for name in people
    ]
    reported |= dict.fromkeys(people, "done")
    outcomes = Counter[str]()
    for writer in writers:
        assert writer.outcomes
        reported |= writer.outcomes
        outcomes += Counter(writer.outcomes.values())
    outcomes["imports resumed"] = imported.resumed
    return outcomes


Content = tuple[list[str], list[tuple[str, str]], int]


def content(world: World) -> Content:
    """Return the names of the users, the name and signal of each event of a registration, and the verified events."""
    with world.database.reading() as session:
        users = list(session.scalars(select(User.username).order_by(User.username)))
        events = [
            (str(subject), str(signal))
            for subject, signal in session.execute(
                select(EVENTS.c.subject, EVENTS.c.signal)
                .where(EVENTS.c.operation == "register_user")
                .order_by(EVENTS.c.seq)
            )
        ]
    return users, events, world.verify()


def check(reported: dict[str, str], users: Sequence[str], events: Sequence[tuple[str, str]], _: int) -> None:
    """Compare the users and the events with what the writers and the imports were *reported*."""
    registered = Counter(name for name, signal in events if signal == "user_registered")
    ended = Counter(name for name, signal in events if signal in {"user_registered", "user_registration_failed"})
    assert set(registered.values()) <= {1}, "doubled"
    assert set(ended.values()) <= {1}, "two outcomes"
    assert len(users) == len(set(users))
    assert set(users) == set(registered), "users and events differ"
    done = {name for name, outcome in reported.items() if outcome == "done"}
    undecided = {name for name, outcome in reported.items() if outcome == "unknown"}
    assert done - set(users) == set(), "lost"
    assert set(users) - done - undecided == set(), "reported as failed, but kept"
