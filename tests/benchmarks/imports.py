"""The speed and memory of an import, compared with other programs in the same run.

    python tests/benchmarks/imports.py [--users 1000000] [--compare 100000] [--runs 3] [--quick]

On SQLite, with hashes already made, the event log on and the trace off, users per second of `lback user import` (from
the CSV file to the last commit) against

- (a) `sqlite3.executemany` that writes the same rows to the same tables, indexes and commits (target 0.25),
- (b) Django's `bulk_create` of its own users, without groups, signals or a log, in the same commits (target 1.0),
- (c) Flask-Security's `create_user`, in the same commits (target 3).

Then the cost per row and the peak memory from 10,000 users to a million (targets: 1.15 times the cost, 150 MiB, 1.1
times the memory at 100,000), the export of a million, and passwords in plain text against the rate at which one core
hashes times the number of cores (target 0.9). Django and Flask-Security are installed into a scratch environment.
"""
# ruff: noqa: T201 - printing is what it is for, and it starts only itself

import argparse
import json
import os
import platform
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

CHUNK = 1000
HASH = "$argon2id$v=19$m=65536,t=3,p=4$" + "a" * 21 + "Q$" + "b" * 42 + "Q"
TABLES = ("users", "user_groups_association", "lback_events")

DJANGO = """
import json, sys, time
from django.conf import settings
users, path = int(sys.argv[1]), sys.argv[2]
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"], USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": path, "OPTIONS": {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;", "transaction_mode": "IMMEDIATE"}}})
import django
django.setup()
from django.core.management import call_command
from django.contrib.auth.models import User
from django.db import transaction
call_command("migrate", verbosity=0)
HASH = sys.argv[3]
started = time.perf_counter()
for start in range(0, users, 1000):
    with transaction.atomic():
        User.objects.bulk_create([
            User(username=f"user{i:07}", email=f"user{i:07}@example.org", password=HASH)
            for i in range(start, min(start + 1000, users))])
took = time.perf_counter() - started
assert User.objects.count() == users
print(json.dumps({"rate": users / took, "version": django.get_version()}))
"""

FLASK = """
import json, sys, time
from importlib.metadata import version
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from flask_security import Security, SQLAlchemyUserDatastore
from flask_security.models import fsqla_v3 as fsqla
users, path = int(sys.argv[1]), sys.argv[2]
app = Flask("bench")
app.config.update(SECRET_KEY="x", SECURITY_PASSWORD_SALT="1", SQLALCHEMY_DATABASE_URI="sqlite:///" + path)
db = SQLAlchemy(app)
fsqla.FsModels.set_db_info(db)
class Role(db.Model, fsqla.FsRoleMixin): pass
class User(db.Model, fsqla.FsUserMixin): pass
store = SQLAlchemyUserDatastore(db, User, Role)
Security(app, store)
HASH = sys.argv[3]
with app.app_context():
    db.session.execute(db.text("PRAGMA journal_mode=WAL"))
    db.session.commit()
    db.create_all()
    role = store.create_role(name="basic_user")
    db.session.commit()
    started = time.perf_counter()
    for i in range(users):
        store.create_user(email=f"user{i:07}@example.org", username=f"user{i:07}", password=HASH, roles=[role])
        if i % 1000 == 999:
            store.commit()
    store.commit()
    took = time.perf_counter() - started
    assert db.session.query(User).count() == users
print(json.dumps({"rate": users / took, "version": version("Flask-Security")}))
"""


def main() -> None:
    """Measure, print, and exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000, help="how many at most (default a million)")
    parser.add_argument("--compare", type=int, default=100_000, help="how many against the yardsticks")
    parser.add_argument("--runs", type=int, default=3, help="of each comparison; the median counts")
    parser.add_argument("--passwords", type=int, default=400, help="how many in plain text")
    parser.add_argument("--child", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        name, *rest = arguments.child
        print(json.dumps(CHILDREN[name](*rest)))
        return
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python {platform.python_version()}, ", end="")
    print(f"SQLite {sqlite3.sqlite_version}\n")
    with tempfile.TemporaryDirectory(prefix="lback-batch-") as temporary:
        directory = Path(temporary)
        held = [
            *against_others(directory, arguments.compare, arguments.runs),
            *as_it_grows(directory, arguments.users),
            plain_text(directory, arguments.passwords),
        ]
    sys.exit(0 if all(held) else 1)


def against_others(directory: Path, users: int, runs: int) -> Iterator[bool]:
    """Run lback and the other programs in turn, so that other load affects all alike."""
    python = scratch_environment(directory)
    write_csv(directory / "compare.csv", users)
    rates: dict[str, list[float]] = {"lback": [], "a": [], "b": [], "c": []}
    versions = {"a": sqlite3.sqlite_version}
    few = max(users // 10, CHUNK)
    for number in range(runs):
        database = directory / f"lback{number}.db"
        rates["lback"].append(child("import", directory / "compare.csv", database)["rate"])
        rates["a"].append(child("executemany", database, directory / f"a{number}.db")["rate"])
        for key, program, count in (("b", DJANGO, users), ("c", FLASK, few)):
            found = run([python, "-c", program, str(count), str(directory / f"{key}{number}.db"), HASH])
            rates[key].append(found["rate"])
            versions[key] = found["version"]
        for left in directory.glob(f"*{number}.db*"):
            left.unlink()
    lback = statistics.median(rates["lback"])
    print(f"{users:,} users, hashed before, medians of {runs}\n\n{'':32}{'users/s':>10}{'lback is':>10}{'target':>8}")
    print(f"{'lback user import':32}{lback:10,.0f}")
    for key, name, target in (
        ("a", "(a) sqlite3.executemany", 0.25),
        ("b", "(b) Django bulk_create", 1.0),
        ("c", "(c) Flask-Security create_user", 3.0),
    ):
        rate = statistics.median(rates[key])
        yield line(f"{name} {versions[key]}", f"{rate:,.0f}", lback / rate, target)


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
            imports.append(child("import", directory / "grow.csv", database))
        exported = child("export", database, directory / "exported.csv")
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
    rate = child("import", path, directory / "plain.db")["rate"]
    one = statistics.mean([first, child("hash", "20")["rate"]])
    print(f"\n{users} passwords at the default cost, {cores} cores\n")
    print(f"{'one core hashes':32}{one:10.1f}/s\n{'lback user import':32}{rate:10.1f}/s")
    return line("import to cores x one core", "", rate / (cores * one), 0.9)


def line(name: str, figure: str, ratio: float, target: float, *, most: bool = False) -> bool:
    """Print a figure and its target; return whether it meets the target."""
    held = ratio <= target if most else ratio >= target
    print(f"{name:32}{figure:>10}{ratio:10.2f}{target:8.2f}{'' if held else '  MISSED'}")
    return held


def write_csv(path: Path, users: int) -> None:
    """Write a file of users with hashed passwords."""
    with path.open("w") as file:
        file.write("username,email,password_hash,is_active,is_email_verified\n")
        file.writelines(f'user{i:07},user{i:07}@example.org,"{HASH}",true,true\n' for i in range(users))


def scratch_environment(directory: Path) -> str:
    """Return the path of a Python with the other programs."""
    venv.create(directory / "peers", with_pip=True)
    python = str(directory / "peers" / "bin" / "python")
    packages = ["django", "flask-security", "flask-sqlalchemy", "argon2-cffi"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
    return python


def child(name: str, *arguments: object) -> dict[str, Any]:
    """Run one measurement in a process of its own, so that its memory is its own."""
    return run([sys.executable, __file__, "--child", name, *map(str, arguments)])


def run(command: list[str]) -> dict[str, Any]:
    """Return the JSON that *command* prints."""
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(count: int, took: float) -> dict[str, float]:
    """Return items per second, and the peak memory of this process in MiB."""
    return {"rate": count / took, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def import_users(path: str, database_path: str) -> dict[str, float]:
    """Import into a new database."""
    from lback_cli.imports.importer import Importer
    from lback_cli.imports.options import ImportOptions
    from lback_cli.managers.user_manager import UserManager

    database, services = opened(database_path)
    importer = Importer(database, services, UserManager(database, services))
    started = time.perf_counter()
    result = importer.run(path, ImportOptions())
    took = time.perf_counter() - started
    if result.counts.failed or not result.counts.created:
        sys.exit(f"the import failed: {result}")
    return measured(result.counts.total, took)


def export_users(database_path: str, path: str) -> dict[str, float]:
    """Export all users with hashes."""
    from lback_cli.imports.exports import Exporter
    from lback_cli.repositories.user_query import UserQuery

    exporter = Exporter(*opened(database_path), warn=lambda problem: sys.exit(problem.message))
    started = time.perf_counter()
    with Path(path).open("w") as file:
        file.writelines(exporter.lines(UserQuery(), "csv", with_hashes=True))
    took = time.perf_counter() - started
    with Path(path).open() as file:
        return measured(sum(1 for _ in file) - 1, took)


def opened(path: str) -> tuple[Any, Any]:
    """Return the database at *path*, and its services."""
    from lback_cli.database.engine import Database
    from lback_cli.database.schema import Schema
    from lback_cli.managers.dependencies import Dependencies
    from lback_cli.settings import DatabaseSettings, Settings

    settings = Settings(database=DatabaseSettings(url=f"sqlite:///{path}"))
    database = Database(settings.database)
    if Schema(database).status().state == "missing":
        Schema(database).initialize()
    return database, Dependencies(settings, data_directory=Path(path).parent)


def executemany(original: str, copy: str) -> dict[str, float]:
    """Write the rows of the import from memory with only the driver, in the same number of commits."""
    opened(copy)
    with closing(sqlite3.connect(original)) as source:
        rows = {table: source.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in TABLES}
        groups = source.execute("SELECT * FROM groups").fetchall()
        (job,) = source.execute("SELECT * FROM lback_import_jobs").fetchall()
    users = len(rows["users"])
    with closing(sqlite3.connect(copy, isolation_level=None)) as target:
        target.execute("PRAGMA synchronous = FULL")
        target.execute("PRAGMA foreign_keys = ON")
        target.executemany("INSERT INTO groups VALUES (?, ?, ?, ?, ?)", groups)
        target.execute(f"INSERT INTO lback_import_jobs VALUES ({', '.join('?' * len(job))})", job)
        statements = {
            table: f"INSERT INTO {table} VALUES ({', '.join('?' * len(found[0]))})" for table, found in rows.items()
        }
        waiting = {table: iter(found) for table, found in rows.items()}
        started = time.perf_counter()
        for done in range(CHUNK, users + CHUNK, CHUNK):
            target.execute("BEGIN IMMEDIATE")
            for table, statement in statements.items():
                target.executemany(statement, islice(waiting[table], CHUNK))
            target.execute("UPDATE lback_event_head SET seq = ?, hash = ?", (done, "0" * 64))
            target.execute("UPDATE lback_import_jobs SET rows_done = ?", (done,))
            target.execute("COMMIT")
        took = time.perf_counter() - started
        if target.execute("SELECT count(*) FROM lback_events").fetchone() != (users,):
            sys.exit("not everything was written")
    return measured(users, took)


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
    "executemany": executemany,
    "hash": hash_passwords,
}

if __name__ == "__main__":
    main()
