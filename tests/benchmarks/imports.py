"""The speed and memory of an import, compared with other programs in the same run.

    python -m tests.benchmarks.imports [--users 1000000] [--compare 100000] [--runs 3] [--only PART]... [--servers]

With hashes already made, the event log on and the trace off, users per second of `lback user import` (from the CSV file
to the last commit). The parts are

- ``drivers``: against the driver that writes the same rows to the same tables, indexes and commits: on SQLite by
  ``executemany`` (target 0.6), for one hash of the configured cost, and for a hash of its own of each user, by Argon2id
  at another cost or by bcrypt; with ``--servers`` also on PostgreSQL by COPY (0.5) and on MariaDB by ``executemany``
  (0.7),
- ``processes``: several imports at once with ``--servers``, each of its own file (two are not slower than one, and four
  not slower than two), and for which share of the time of a chunk it holds the head of the event log (at most 0.25),
- ``programs``: on SQLite against Django's ``bulk_create`` of its own users, without groups, signals or a log (1.0), and
  against Flask-Security's ``create_user`` (3), in the same commits; both are installed into a scratch environment,
- ``growth``: the cost per row and the peak memory from 10,000 users to a million (1.15 times the cost, 150 MiB, 1.1
  times the memory at 100,000), and the export of a million,
- ``plain``: passwords in plain text against the rate at which one core hashes times the number of cores (0.9).
"""
# ruff: noqa: T201 - printing is what it is for, and it starts only itself

import argparse
import json
import os
import platform
import random
import secrets
import sqlite3
import statistics
import string
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.import_yardsticks import (
    CHUNK,
    DJANGO,
    FLASK,
    MARIADB,
    POSTGRESQL,
    copy_on_postgresql,
    executemany_on_mariadb,
    executemany_on_sqlite,
    new_database,
    opened,
    scratch_environment,
)
from tests.peak_memory import peak_memory

HASH = "$argon2id$v=19$m=65536,t=3,p=4$" + "a" * 21 + "Q$" + "b" * 42 + "Q"
SELF = (sys.executable, "-m", "tests.benchmarks.imports")
PARTS = ("drivers", "processes", "programs", "growth", "plain")
DRIVERS = {"sqlite": executemany_on_sqlite, "postgresql": copy_on_postgresql, "mariadb": executemany_on_mariadb}


def main() -> None:
    """Measure, print, and exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000, help="how many at most (default a million)")
    parser.add_argument("--compare", type=int, default=100_000, help="how many against the yardsticks")
    parser.add_argument("--runs", type=int, default=3, help="of each comparison; the median counts")
    parser.add_argument("--passwords", type=int, default=400, help="how many in plain text")
    parser.add_argument("--only", action="append", choices=PARTS, help="a part to measure (default: all)")
    parser.add_argument("--servers", action="store_true", help="use PostgreSQL and MariaDB on this machine too")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, *rest = arguments.child
        print(json.dumps(CHILDREN[name](*rest)))
        return
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python {platform.python_version()}, ", end="")
    print(f"SQLite {sqlite3.sqlite_version}, load {os.getloadavg()[0]:.1f}")
    parts = arguments.only or PARTS
    held: list[bool] = []
    with tempfile.TemporaryDirectory(prefix="lback-batch-") as temporary:
        directory = Path(temporary)
        if "drivers" in parts:
            held += against_drivers(directory, arguments.compare, arguments.runs, servers=arguments.servers)
        if "processes" in parts and arguments.servers:
            held += several_at_once(directory, arguments.compare, arguments.runs)
        if "programs" in parts:
            held += against_others(directory, arguments.compare, arguments.runs)
        if "growth" in parts:
            held += as_it_grows(directory, arguments.users)
        if "plain" in parts:
            held.append(plain_text(directory, arguments.passwords))
    sys.exit(0 if all(held) else 1)


def against_drivers(directory: Path, users: int, runs: int, *, servers: bool) -> Iterator[bool]:
    """Run lback and the drivers in turn, so that other load affects both alike."""
    print(f"\n{users:,} users, hashed before, medians of {runs}\n\n{'':32}{'users/s':>10}{'lback is':>10}{'target':>8}")
    cases = [("sqlite", kind, 0.6) for kind in HASHES]
    if servers:
        cases += [("postgresql", "argon2", 0.5), ("mariadb", "argon2", 0.7)]
    for name, kind, target in cases:
        write_csv(directory / "compare.csv", users, kind)
        ratios, rates = [], []
        for _ in range(runs):
            with new_database_on(name, directory) as original, new_database_on(name, directory) as copy:
                rate = child("import", directory / "compare.csv", original)["rate"]
                ratios.append(rate / child("copy", name, original, copy)["rate"])
                rates.append(rate)
        yield line(f"{name}, {HASHES[kind]}", f"{statistics.median(rates):,.0f}", statistics.median(ratios), target)


def several_at_once(directory: Path, users: int, runs: int) -> Iterator[bool]:
    """Import one, two and four files at once."""
    for name, server in (("postgresql", POSTGRESQL), ("mariadb", MARIADB)):
        rates: dict[int, list[float]] = {1: [], 2: [], 4: []}
        held = []
        for _ in range(runs):
            for processes, found in rates.items():
                with new_database(server) as url:
                    opened(url, directory)
                    for number in range(processes):
                        write_csv(directory / f"{number}.csv", users, "argon2", prefix=f"p{number}-")
                    files = [directory / f"{number}.csv" for number in range(processes)]
                    measurements = at_once(["--child", "import", str(file), url] for file in files)
                    begun = min(one["begun"] for one in measurements)
                    found.append(processes * users / (max(one["ended"] for one in measurements) - begun))
                    held += [one["held"] for one in measurements if processes == 1]
        medians = {processes: statistics.median(found) for processes, found in rates.items()}
        print(f"\n{name}, {users:,} users in each process\n\n{'':32}{'users/s':>10}{'is':>10}{'target':>8}")
        print(f"{'1 process':32}{medians[1]:10,.0f}")
        yield line("2 processes", f"{medians[2]:,.0f}", medians[2] / medians[1], 1.0)
        yield line("4 processes, to 2", f"{medians[4]:,.0f}", medians[4] / medians[2], 1.0)
        yield line("the head is held for, of 1", "", statistics.median(held), 0.25, most=True)


def against_others(directory: Path, users: int, runs: int) -> Iterator[bool]:
    """Run lback and the other programs in turn, so that other load affects all alike."""
    python = scratch_environment(directory)
    write_csv(directory / "compare.csv", users)
    rates: dict[str, list[float]] = {"lback": [], "Django bulk_create": [], "Flask-Security create_user": []}
    versions = {}
    few = max(users // 10, CHUNK)
    for _ in range(runs):
        with new_database_on("sqlite", directory) as database:
            rates["lback"].append(child("import", directory / "compare.csv", database)["rate"])
        others = zip((DJANGO, FLASK), (users, few), list(rates)[1:], strict=True)
        for program, count, name in others:
            with new_database_on("sqlite", directory) as database:
                found = run([python, "-c", program, str(count), database.removeprefix("sqlite:///"), HASH])
            rates[name].append(found["rate"])
            versions[name] = found["version"]
    lback = statistics.median(rates["lback"])
    print(f"\n{users:,} users, hashed before, medians of {runs}\n\n{'':32}{'users/s':>10}{'lback is':>10}{'target':>8}")
    print(f"{'lback user import':32}{lback:10,.0f}")
    for (name, version), target in zip(versions.items(), (1.0, 3.0), strict=True):
        rate = statistics.median(rates[name])
        yield line(f"{name} {version}", f"{rate:,.0f}", lback / rate, target)


def as_it_grows(directory: Path, most: int) -> Iterator[bool]:
    """Measure the cost per row and the peak memory of import and export."""
    sizes = [size for size in (10_000, 100_000, 1_000_000) if size <= most] or [most]
    print(f"\n{'users':>10}{'import µs':>12}{'peak MiB':>10}{'export µs':>12}{'peak MiB':>10}")
    found = []
    for size in sizes:
        write_csv(directory / "grow.csv", size)
        database = directory / "grow.db"
        # The shortest runs are the noisiest.
        repeats = 3 if size < 1_000_000 else 1
        imports = []
        for _ in range(repeats):
            for left in directory.glob("grow.db*"):
                left.unlink()
            imports.append(child("import", directory / "grow.csv", f"sqlite:///{database}"))
        exported = child("export", f"sqlite:///{database}", directory / "exported.csv")
        best = min(imports, key=lambda one: 1 / one["rate"])
        memory = max(one["memory"] for one in imports)
        found.append((1e6 / best["rate"], memory, exported["memory"]))
        print(f"{size:10,}{found[-1][0]:12.1f}{memory:10.0f}{1e6 / exported['rate']:12.1f}{exported['memory']:10.0f}")
    print(f"\n{'':32}{'':>10}{'is':>10}{'target':>8}")
    yield line("cost per row, last to first", "", found[-1][0] / found[0][0], 1.15, most=True)
    yield line("peak memory at the most, MiB", "", found[-1][1], 150, most=True)
    if len(found) > 1:
        yield line("peak memory, last to before", "", found[-1][1] / found[-2][1], 1.1, most=True)
        yield line("peak of export, last to before", "", found[-1][2] / found[-2][2], 1.1, most=True)


def plain_text(directory: Path, users: int) -> bool:
    """Import users with plain passwords, compared with the hashes per second of one core times the number of cores."""
    path = directory / "plain.csv"
    with path.open("w") as file:
        file.write("username,email,password,is_email_verified\n")
        file.writelines(f"user{i:07},user{i:07}@example.org,purple giraffes yodel {i:07},true\n" for i in range(users))
    cores = len(os.sched_getaffinity(0))
    first = child("hash", "20")["rate"]
    rate = child("import", path, f"sqlite:///{directory}/plain.db")["rate"]
    one = statistics.mean([first, child("hash", "20")["rate"]])
    print(f"\n{users} passwords at the default cost, {cores} cores\n")
    print(f"{'one core hashes':32}{one:10.1f}/s\n{'lback user import':32}{rate:10.1f}/s")
    return line("import to cores x one core", "", rate / (cores * one), 0.9)


def line(name: str, figure: str, ratio: float, target: float, *, most: bool = False) -> bool:
    """Print a figure and its target; return whether it meets the target."""
    held = ratio <= target if most else ratio >= target
    print(f"{name:32}{figure:>10}{ratio:10.2f}{target:8.2f}{'' if held else '  MISSED'}")
    return held


def write_csv(path: Path, users: int, kind: str = "current", prefix: str = "") -> None:
    """Write a file of users with hashed passwords of a *kind* in `HASHES`."""
    chance = random.Random(users)
    with path.open("w") as file:
        file.write("username,email,password_hash,is_active,is_email_verified\n")
        for number in range(users):
            name = f"{prefix}user{number:07}"
            file.write(f'{name},{name}@example.org,"{made_hash(kind, chance)}",true,true\n')


HASHES = {
    "current": "one current Argon2id",
    "argon2": "Argon2id of other cost",
    "bcrypt": "bcrypt",
}
"""Kinds of hashes in the files."""


def made_hash(kind: str, chance: random.Random) -> str:
    """Return a hash of that *kind*; its salt and digest are random text."""
    letters = string.ascii_letters + string.digits
    if kind == "argon2":
        salt, digest = (("".join(chance.choices(letters, k=length))) for length in (21, 42))
        return f"$argon2id$v=19$m=19456,t=2,p=1${salt}Q${digest}Q"
    if kind == "bcrypt":
        salt, digest = (("".join(chance.choices(letters, k=length))) for length in (21, 30))
        return f"$2b$12${salt}u{digest}u"
    return HASH


@contextmanager
def new_database_on(name: str, directory: Path) -> Iterator[str]:
    """Yield the URL of a new database, which is deleted at the end."""
    if name != "sqlite":
        with new_database(POSTGRESQL if name == "postgresql" else MARIADB) as url:
            yield url
        return
    path = directory / f"{secrets.token_hex(8)}.db"
    yield f"sqlite:///{path}"
    for left in directory.glob(f"{path.name}*"):
        left.unlink()


def child(name: str, *arguments: object) -> dict[str, Any]:
    """Run one measurement in a process of its own, so that its memory is its own."""
    return run([*SELF, "--child", name, *map(str, arguments)])


def at_once(commands: Iterable[list[str]]) -> list[dict[str, Any]]:
    """Start measurements in processes of their own, and let all begin when the last has had time to load."""
    started = [
        subprocess.Popen([*SELF, *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for command in commands
    ]
    time.sleep(3)
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
    outputs = [process.stdout.read() if process.stdout else b"" for process in started]
    if any(process.wait() for process in started):
        sys.exit("an import failed")
    return [dict(json.loads(output.splitlines()[-1])) for output in outputs]


def run(command: list[str]) -> dict[str, Any]:
    """Return the JSON that *command* prints."""
    done = subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(count: int, took: float) -> dict[str, float]:
    """Return items per second, and the peak memory of this process in MiB."""
    return {"rate": count / took, "memory": peak_memory()}


def import_users(path: str, url: str) -> dict[str, float]:
    """Import into a database; return also when, and for how much of the time the head of the event log was locked."""
    from lback_cli.imports.importer import Importer
    from lback_cli.imports.options import ImportOptions
    from lback_cli.managers.user_manager import UserManager

    database, services = opened(url, Path(path).parent)
    importer = Importer(database, services, UserManager(database, services))
    locked = HeldHead(database.engine.dialect)
    if not sys.stdin.isatty():
        sys.stdin.read()
    begun = time.time()
    started = time.perf_counter()
    result = importer.run(path, ImportOptions())
    took = time.perf_counter() - started
    if result.counts.failed or not result.counts.created:
        sys.exit(f"the import failed: {result}")
    return measured(result.counts.total, took) | {
        "begun": begun,
        "ended": begun + took,
        "held": statistics.median(locked.shares),
    }


class HeldHead:
    """Measures the *shares* of the time from commit to commit for which the head of the event log is locked."""

    def __init__(self, dialect: Any) -> None:
        from lback_cli.repositories.event_repository import EventRepository

        self.shares: list[float] = []
        self._since, self._committed = 0.0, time.perf_counter()
        lock, commit = EventRepository.lock, dialect.do_commit

        def locking(repository: Any) -> Any:
            head = lock(repository)
            self._since = self._since or time.perf_counter()
            return head

        def committing(connection: Any) -> None:
            commit(connection)
            now = time.perf_counter()
            if self._since:
                self.shares.append((now - self._since) / (now - self._committed))
            self._since, self._committed = 0.0, now

        vars(dialect)["do_commit"] = committing
        setattr(EventRepository, "lock", locking)  # noqa: B010 - a method is not assigned


def export_users(url: str, path: str) -> dict[str, float]:
    """Export all users with hashes."""
    from lback_cli.imports.exports import Exporter
    from lback_cli.repositories.user_query import UserQuery

    database, services = opened(url, Path(path).parent)
    exporter = Exporter(database, services, warn=lambda problem: sys.exit(problem.message))
    started = time.perf_counter()
    with Path(path).open("w") as file:
        file.writelines(exporter.lines(UserQuery(), "csv", with_hashes=True))
    took = time.perf_counter() - started
    with Path(path).open() as file:
        return measured(sum(1 for _ in file) - 1, took)


def copy_rows(name: str, original: str, copy: str) -> dict[str, float]:
    """Write the rows of an import with only the driver."""
    users = count_users(original)
    plain = (text.removeprefix("sqlite:///") for text in (original, copy))
    return measured(users, DRIVERS[name](*plain))


def count_users(url: str) -> int:
    """Return the number of users in a database."""
    from lback_cli.repositories.user_query import UserQuery
    from lback_cli.repositories.user_reader import UserReader

    database, _ = opened(url, Path())
    with database.read_connection() as connection:
        return UserReader(connection).count(UserQuery())


def hash_passwords(count: str) -> dict[str, float]:
    """Hash on one core."""
    from lback_cli.security.passwords import PasswordHasher
    from lback_cli.settings import Settings

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    hasher = PasswordHasher(Settings().password)
    hasher.hash("warm up")
    started = time.perf_counter()
    for number in range(int(count)):
        hasher.hash(f"purple giraffes yodel {number}")
    return measured(int(count), time.perf_counter() - started)


CHILDREN: dict[str, Callable[..., dict[str, float]]] = {
    "import": import_users,
    "export": export_users,
    "copy": copy_rows,
    "hash": hash_passwords,
}

if __name__ == "__main__":
    main()
