"""The time of a failed login with an unknown name, compared with a known name, for each kind of stored hash.

    python tests/benchmarks/logins.py [--pairs 60]

Each database has users with hashes of one scheme, the last one of all schemes in turn. A pair is one login under a
known name and one under an unknown name, in random order, both with a wrong password. Printed are the medians, their
ratio, and the median difference of the pairs with its 95 % bootstrap interval, which contains 0 if the time reveals
nothing.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import base64
import contextlib
import hashlib
import os
import platform
import random
import statistics
import tempfile
import time
from pathlib import Path

import bcrypt
from sqlalchemy import update

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.errors import AuthenticationFailed
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.models.tables import USERS
from lback_cli.security.passwords import PasswordHasher
from lback_cli.settings import AuthenticationSettings, DatabaseSettings, PasswordSettings, Settings

PASSWORD = "quiet-harbor-lantern-47"
WRONG = "not-the-password-of-anyone"
MEMBERS = 30
RESAMPLES = 2000


def hashes(settings: PasswordSettings) -> dict[str, str]:
    """Return a stored hash by scheme."""
    digest = hashlib.sha1(PASSWORD.encode() + b"saltsalt").digest()
    pbkdf2 = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), b"saltsalt", 600_000)
    return {
        "argon2id, current": PasswordHasher(settings).hash(PASSWORD),
        "bcrypt, cost 12": bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(12)).decode(),
        "Django's PBKDF2, 600,000 rounds": f"pbkdf2_sha256$600000$saltsalt${base64.b64encode(pbkdf2).decode()}",
        "LDAP's salted SHA-1": "{SSHA}" + base64.b64encode(digest + b"saltsalt").decode(),
        "no password": "!",
        "damaged": "$2b$12$damaged",
    }


def open_manager(directory: Path, settings: Settings, stored: list[str]) -> UserManager:
    """Return a manager of a new database whose users have the hashes *stored* in turn."""
    database = Database(settings.database)
    Schema(database).initialize()
    manager = UserManager(database, Dependencies(settings, data_directory=directory))
    for number in range(MEMBERS):
        manager.register_user(f"known{number}", f"known{number}@example.org", PASSWORD, verified=True)
    with database.session() as session:
        for number in range(MEMBERS):
            value = {"password": stored[number % len(stored)]}
            session.execute(update(USERS).where(USERS.c.username == f"known{number}").values(value))
    return manager


def milliseconds(manager: UserManager, name: str) -> float:
    started = time.perf_counter()
    with contextlib.suppress(AuthenticationFailed):
        manager.authenticate_user(name, WRONG)
    return (time.perf_counter() - started) * 1000


def interval(differences: list[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the median."""
    medians = sorted(statistics.median(random.choices(differences, k=len(differences))) for _ in range(RESAMPLES))
    return medians[RESAMPLES // 40], medians[-RESAMPLES // 40]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=60)
    pairs = parser.parse_args().pairs
    password = PasswordSettings(memory=19456, iterations=2, parallelism=1)
    by_scheme = hashes(password)
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {pairs} pairs\n")
    print("| users' hashes | known ms | unknown ms | ratio | difference ms (95 %) |\n|---|--:|--:|--:|--:|")
    for name, stored in [*((name, [stored]) for name, stored in by_scheme.items()), ("all", [*by_scheme.values()])]:
        with tempfile.TemporaryDirectory() as directory:
            settings = Settings(
                database=DatabaseSettings(url=f"sqlite:///{directory}/users.db"),
                password=password,
                authentication=AuthenticationSettings(max_failures=1000),
            )
            manager = open_manager(Path(directory), settings, stored)
            found: dict[str, list[float]] = {"known": [], "unknown": []}
            for number in range(pairs):
                for kind in random.sample(sorted(found), 2):
                    found[kind].append(milliseconds(manager, f"{kind}{number % MEMBERS}"))
        known, unknown = (statistics.median(found[kind]) for kind in ("known", "unknown"))
        differences = [a - b for a, b in zip(found["known"], found["unknown"], strict=True)]
        low, high = interval(differences)
        difference = f"{statistics.median(differences):+.1f} ({low:+.1f} to {high:+.1f})"
        print(f"| {name} | {known:.1f} | {unknown:.1f} | {known / unknown:.2f} | {difference} |")


if __name__ == "__main__":
    main()
