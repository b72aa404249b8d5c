"""The cost of the event log: of writing it with every change, and of verifying all of it.

    python tests/benchmarks/events.py [--events 1000000] [--runs 15] [--directory PATH]

Prints how long `EventLog.verify` takes for so many events, against a walk through the same texts with the `sqlite3`
module that only takes their SHA-256; what an append adds to a transaction; and how much longer a registration takes
with the log than without, in this process with a cheap hash, and as a whole `lback user register`. "Without" means that
`EventRepository.append` does nothing; the modules of the log are loaded all the same. Runs are done in turn.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import hashlib
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.events.hash_chain import GENESIS, HASHED, canonical
from lback_cli.events.record import COLUMNS, ChainLinks, event_from_signal
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.event_log import EventLog
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.event_repository import EventRepository
from lback_cli.settings import Settings
from lback_cli.settings.schema import DatabaseSettings, EmailSettings, PasswordSettings

PASSWORD = "purple giraffes yodel at dusk"
VERIFY_SECONDS, COMMAND_RATIO = 10.0, 1.10

LOADED = "import lback_cli.repositories.event_repository as events; "
COMMAND = LOADED + "from lback_cli.cli.main import main; main()"
COMMAND_WITHOUT = LOADED + "events.EventRepository.append = lambda *_: 0; from lback_cli.cli.main import main; main()"
"""Both load the module first, as else only one of them would load modules while it hashes the password."""


def settings_in(directory: Path) -> Settings:
    return replace(
        Settings(),
        database=DatabaseSettings(url=f"sqlite:///{directory}/lback.db"),
        email=EmailSettings(directory=directory / "mail"),
        password=PasswordSettings(memory=64, iterations=1, parallelism=1),
    )


def managers_in(directory: Path) -> tuple[UserManager, EventLog]:
    """The managers on a fresh file."""
    directory.mkdir(parents=True, exist_ok=True)
    settings = settings_in(directory)
    database = Database(settings.database)
    Schema(database).initialize()
    services = Dependencies(settings, data_directory=directory)
    return UserManager(database, services), EventLog(database, services)


def rows(events: int) -> Iterator[dict[str, Any]]:
    """Return a log of logins."""
    previous = GENESIS
    for seq in range(1, events + 1):
        user = {"id": seq % 1000, "username": f"user{seq % 1000}", "email": f"user{seq % 1000}@example.org"}
        arguments = {"username": user["username"], "reason": "incorrect_password", "exception": None, "user": None}
        record = event_from_signal("user_authentication_failed", "authenticate_user", "0" * 32, arguments)
        link = ChainLinks([record])
        row = dict(zip(COLUMNS, (*link.rows[0], *link.places(seq - 1, previous)[0]), strict=True))
        previous = row["hash"]
        yield row


def fill(path: Path, events: int) -> None:
    """Put a log into the file, and its texts, as they are hashed, into a table beside it."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("CREATE TABLE texts (seq INTEGER PRIMARY KEY, row_text TEXT, personal_text TEXT)")
    connection.execute("BEGIN")
    last: dict[str, Any] = {}
    for row in rows(events):
        names = ", ".join(row)
        marks = ", ".join(f":{name}" for name in row)
        connection.execute(f"INSERT INTO lback_events ({names}) VALUES ({marks})", row)
        row_text = canonical({name: row[name] for name in HASHED})
        personal = f'{row["salt"]}{{"data":{row["data"]},"subject":{canonical(row["subject"])}}}'
        connection.execute("INSERT INTO texts VALUES (?, ?, ?)", (row["seq"], row_text, personal))
        last = row
    connection.execute("UPDATE lback_event_head SET seq = ?, hash = ?", (last["seq"], last["hash"]))
    connection.execute("COMMIT")
    connection.close()


def walk(path: Path) -> int:
    """Read the texts and compute their SHA-256, for comparison."""
    connection = sqlite3.connect(path)
    number = 0
    for row_text, personal_text in connection.execute("SELECT row_text, personal_text FROM texts ORDER BY seq"):
        hashlib.sha256(row_text.encode()).hexdigest()
        hashlib.sha256(personal_text.encode()).hexdigest()
        number += 1
    connection.close()
    return number


def timed(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure_verify(directory: Path, events: int) -> None:
    _, log = managers_in(directory)
    path = directory / "lback.db"
    print(f"filling {path} with {events:,} events ...", file=sys.stderr)
    fill(path, events)
    walks, verifies = [], []
    for _ in range(3):
        walks.append(timed(lambda: walk(path)))
        verifies.append(timed(log.verify))
    walked, verified = min(walks), min(verifies)
    target = VERIFY_SECONDS * events / 1_000_000
    print(f"\n## Verify {events:,} events (best of 3)\n")
    print("| | seconds | µs an event | ratio |")
    print("|---|--:|--:|--:|")
    print(f"| `sqlite3` and SHA-256 alone | {walked:.2f} | {walked / events * 1e6:.1f} | 1.00 |")
    print(f"| `EventLog.verify` | {verified:.2f} | {verified / events * 1e6:.1f} | {verified / walked:.2f} |")
    print(f"\ntarget {target:.1f} s: {'met' if verified <= target else '**missed**'}")


def measure_append(directory: Path, runs: int) -> None:
    users, log = managers_in(directory)
    users.register_user("alice", "alice@example.org", PASSWORD, verified=True)
    record = event_from_signal("user_authenticated", "authenticate_user", "0" * 32, {"user": None})
    batch = 200

    def transactions(statement: str, *, append: bool) -> float:
        def run() -> None:
            for _ in range(batch):
                with log._database.session() as session:
                    session.connection().exec_driver_sql(statement)
                    if append:
                        EventRepository(session).append([record])

        return timed(run) / batch

    change = "UPDATE users SET is_active = 1 WHERE id = 1"
    without, with_ = [], []
    for _ in range(runs):
        without.append(transactions(change, append=False))
        with_.append(transactions(change, append=True))
    made = min(
        timed(lambda: [ChainLinks([record]).places(0, GENESIS) for _ in range(batch)]) / batch for _ in range(runs)
    )
    plain, logged = statistics.median(without), statistics.median(with_)
    print("\n## Append\n")
    print(f"| a transaction that changes one row | {plain * 1e6:.0f} µs | 1.00 |")
    print(f"| the same with an event | {logged * 1e6:.0f} µs | {logged / plain:.2f} |")
    print(f"| of that, to make and hash the event | {made * 1e6:.0f} µs | |")


def measure_registration(directory: Path, runs: int) -> None:
    users, _ = managers_in(directory)
    number, batch = count(), 50

    def register(*, append: bool) -> float:
        def run() -> None:
            for _ in range(batch):
                name = f"user{next(number)}"
                users.register_user(name, f"{name}@example.org", PASSWORD)

        if append:
            return timed(run) / batch
        with patch.object(EventRepository, "append", lambda *_: 0):
            return timed(run) / batch

    title = "Register in one process, Argon2id of 64 KiB"
    compare(title, runs, lambda: register(append=False), lambda: register(append=True))


def measure_command(directory: Path, runs: int) -> None:
    directory.mkdir(parents=True)
    number = count()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "XDG_DATA_HOME": str(directory),
    }

    def register(code: str) -> float:
        name = f"user{next(number)}"
        command = ["user", "register", name, "--email", f"{name}@example.org", "--password-stdin", "-q"]
        return timed(
            lambda: subprocess.run(
                [sys.executable, "-c", code, *command],
                input=PASSWORD,
                text=True,
                env=environment,
                cwd=directory,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        )

    register(COMMAND)
    ratio = compare(
        "`lback user register`, default hash", runs, lambda: register(COMMAND_WITHOUT), lambda: register(COMMAND)
    )
    print(f"\ntarget {COMMAND_RATIO}: {'met' if ratio <= COMMAND_RATIO else '**missed**'}")


def compare(title: str, runs: int, without: Callable[[], float], with_: Callable[[], float]) -> float:
    """Run both in turn and print their medians; the ratio of these."""
    pairs = [(without(), with_()) for _ in range(runs)]
    plain, logged = statistics.median(a for a, _ in pairs), statistics.median(b for _, b in pairs)
    paired = statistics.median(b / a for a, b in pairs)
    print(f"\n## {title} ({runs} runs in turn)\n")
    print(f"| without the log | {plain * 1e3:.2f} ms | 1.00 |")
    print(f"| with it | {logged * 1e3:.2f} ms | {logged / plain:.2f} (paired {paired:.2f}) |")
    return logged / plain


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--directory", type=Path, help="where the files are made, instead of a temporary directory")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {os.cpu_count()} CPUs")
    with tempfile.TemporaryDirectory(dir=options.directory) as name:
        directory = Path(name)
        measure_append(directory / "append", options.runs)
        measure_registration(directory / "registration", options.runs)
        measure_command(directory / "command", options.runs)
        measure_verify(directory / "verify", options.events)


if __name__ == "__main__":
    main()
