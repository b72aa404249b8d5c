"""Four processes with mixed work, killed KILLS times in all: `pytest -m slow tests/slow/test_mixed_work.py -s`."""

import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from sqlalchemy import select

from lback_cli.models.tables import EVENTS, IMPORT_JOBS
from tests.events.random_history import WideInstallation
from tests.installed_command import InstalledCommand
from tests.services import database_of

KILLS = int(os.environ.get("KILLS", "100"))
PROCESSES = 4
PEOPLE, GROUPS, ROWS = 60, 4, 300
LONGEST = 3.0
"""The most seconds from the start of a command until it is killed."""

EXPECTED = {0, 5, 6, 7, 8, 9}
"""Every status but those of a bug and of wrong usage."""

SUCCESSES = {"user_registered", "user_updated", "user_deleted", "password_reset_successful"}
FAILURES = {"user_registration_failed", "user_update_failed", "user_deletion_failed", "password_reset_failed"}


class Worker:
    """Starts one command after the other, and kills most of them."""

    def __init__(self, lback: InstalledCommand, number: int, statuses: Counter[int], stop: threading.Event) -> None:
        self._lback = lback
        self._number = number
        self._statuses = statuses
        self._stop = stop
        self._chance = random.Random(number)
        self.unexpected: list[str] = []

    def run(self) -> None:
        """Work until the event is set."""
        for turn in itertools.count():
            if self._stop.is_set():
                return
            arguments, text = self._command(turn)
            process = self._lback.start(*arguments, stdin=subprocess.PIPE)
            if self._chance.random() < 0.8:
                timer = threading.Timer(self._chance.uniform(0.2, LONGEST), process.kill)
                timer.start()
                _, err = process.communicate(text.encode())
                timer.cancel()
            else:
                _, err = process.communicate(text.encode())
            self._statuses[process.returncode] += 1
            if process.returncode not in {*EXPECTED, -signal.SIGKILL}:
                self.unexpected.append(f"{arguments}\n{err.decode()}\n")

    def _command(self, turn: int) -> tuple[Sequence[str], str]:
        chance = self._chance
        name, group = f"user{chance.randrange(PEOPLE)}", f"group{chance.randrange(GROUPS)}"
        script = "".join(f"user update user{number} --set display_name=N{turn}\n" for number in range(PEOPLE // 2))
        some = self._file(f"some{turn}.csv", range(PEOPLE))
        new = self._file(f"new{turn}.csv", range(PEOPLE + turn * ROWS, PEOPLE + (turn + 1) * ROWS), f"w{self._number}-")
        return chance.choice(
            [
                (["user", "register", name, "--email", f"{name}@example.org", "--generate-password"], ""),
                (["user", "update", name, "--email", f"{name}-{turn}@example.org"], ""),
                (["user", "update", name, "--add-group", group], ""),
                (["user", "reset-password", name, "--generate-password"], ""),
                (["user", "delete", name, "--yes"], ""),
                (["user", "restore", name], ""),
                (["user", "update", "--where", f"group={group}", "--deactivate", "--yes", "--max-share", "100"], ""),
                (["group", "create", group], ""),
                (["group", "delete", group, "--yes", "--confirm", group], ""),
                (["user", "import", some, "--if-exists", "update", "--mail", "none", "--create-groups"], ""),
                (["user", "import", new, "--mail", "none", "--create-groups"], ""),
                (["run", "-", "--keep-going"], script),
                (["undo", str(chance.randrange(1, 50 * (turn + 1))), "--yes", "--max-share", "100"], ""),
            ]
        )

    def _file(self, name: str, numbers: range, prefix: str = "user") -> str:
        path = self._lback.directory / f"{self._number}-{name}"
        rows = (
            f"{prefix}{number},{prefix}{number}@example.net,group{number % GROUPS},{self._chance.random()}\n"
            for number in numbers
        )
        path.write_text("username,email,groups,display_name\n" + "".join(rows))
        return str(path)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_killed_processes_leave_no_inconsistency(
    kind: str, tmp_path: Path, lback: InstalledCommand, request: pytest.FixtureRequest
) -> None:
    with database_of(kind, tmp_path, request) as url:
        installation = WideInstallation(url, tmp_path)
        lback.environment["LBACK_DATABASE_URL"] = url
        statuses, stop = Counter[int](), threading.Event()
        workers = [Worker(lback, number, statuses, stop) for number in range(PROCESSES)]
        threads = [threading.Thread(target=worker.run) for worker in workers]
        for thread in threads:
            thread.start()
        try:
            while statuses[-signal.SIGKILL] < KILLS and not any(worker.unexpected for worker in workers):
                time.sleep(0.1)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        sys.stdout.write(f"{kind}: {dict(statuses)}, {installation.log.verify()}\n")
        assert [worker.unexpected for worker in workers] == [[]] * PROCESSES
        assert installation.rebuilt() == installation.users_by_id()
        _require_one_outcome(installation)
        installation.database.dispose()


def _require_one_outcome(installation: WideInstallation) -> None:
    """Require that no operation has a success and a failure."""
    with installation.database.read_connection() as connection:
        ends = connection.execute(
            select(EVENTS.c.operation_id, EVENTS.c.signal).where(EVENTS.c.signal.in_(SUCCESSES | FAILURES))
        ).all()
        jobs = connection.execute(select(IMPORT_JOBS.c.id)).all()
    assert len({operation for operation, _ in ends}) == len(ends), "an operation has two outcomes"
    assert jobs, "no import was running"
