"""The time of the last page of a million users compared with the first: keyset paging should make no difference.

    python tests/benchmarks/paging.py [--users 1000000] [--runs 25] [--file PATH]

For each order and each filter, the first and the last page of 100 users are read in turn, each in a session of its
own, and the medians and their ratio are printed; the target is 2. The database, about 300 MB, is a temporary file
unless one is named, which is then kept and used again. Ids, names and addresses are in unrelated orders.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import os
import platform
import sqlite3
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.directory import Directory
from lback_cli.repositories.user_query import UserQuery
from lback_cli.settings import DatabaseSettings, Settings

PAGE = 100
TARGET = 2.0

FILL = """
WITH RECURSIVE number(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < {users})
INSERT INTO users (username, email, password, is_active, is_email_verified, created_at, updated_at)
SELECT printf('u%08x', n * 2654435761 % 4294967296), printf('%08x@example.org', n * 2246822519 % 4294967296),
       '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$QmJ1aWxkc29tZXRoaW5nb2YzMmJ5dGVz',
       n % 10 > 0, n % 2, '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000'
FROM number;
INSERT INTO groups (name, created_at, updated_at)
VALUES ('basic_user', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000'),
       ('staff', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000');
INSERT INTO user_groups_association SELECT id, 1 FROM users;
INSERT INTO user_groups_association SELECT id, 2 FROM users WHERE id % 10 = 3;
"""


@dataclass(frozen=True)
class Case:
    """A filter, and the equivalent SQL that finds the last page."""

    name: str
    query: UserQuery
    condition: str = "1"


CASES = [
    *(
        Case(f"--sort {sort}{' --desc' if descending else ''}", UserQuery(sort=sort, descending=descending))
        for sort in ("id", "username", "email")
        for descending in (False, True)
    ),
    *(
        Case(f"{case.name} --sort {sort}", replace(case.query, sort=sort), case.condition)
        for sort in ("id", "username")
        for case in (
            Case("--inactive (10 %)", UserQuery(is_active=False), "NOT is_active"),
            Case("--unverified (50 %)", UserQuery(is_email_verified=False), "NOT is_email_verified"),
            Case(
                "--group staff (10 %)",
                UserQuery(groups=["staff"]),
                "id IN (SELECT user_id FROM user_groups_association WHERE group_id = 2)",
            ),
            Case("--search ab (11 %)", UserQuery(searches=["ab"]), "(username LIKE '%ab%' OR email LIKE '%ab%')"),
        )
    ),
]


def main() -> None:
    """Fill the database, measure, print, and exit 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=1_000_000, help="how many (default a million)")
    parser.add_argument("--runs", type=int, default=25, help="of each page (default 25)")
    parser.add_argument("--file", type=Path, help="keep the database here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lback-paging-") as temporary:
        path: Path = arguments.file or Path(temporary, "users.db")
        database = Database(DatabaseSettings(url=f"sqlite:///{path}"))
        if Schema(database).initialize().state != "current":
            fill(path, arguments.users)
        print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python {platform.python_version()}, ", end="")
        print(f"SQLite {sqlite3.sqlite_version}, {arguments.users:,} users, {arguments.runs} runs of each page")
        missed = measure(database, path, arguments.runs)
        database.dispose()
    sys.exit(1 if missed else 0)


def fill(path: Path, users: int) -> None:
    """Insert *users*, all in one group and a tenth of them in another. Without ANALYZE, as in production."""
    with sqlite3.connect(path) as connection:
        connection.executescript(FILL.format(users=users))


def measure(database: Database, path: Path, runs: int) -> bool:
    """Print a line for each case; return whether any missed the target."""
    directory = Directory(database, Dependencies(Settings(), data_directory=path.parent))
    print(f"\n{'listing':36}{'first ms':>10}{'last ms':>10}{'ratio':>8}")
    missed = False
    for case in CASES:
        first = replace(case.query, limit=PAGE)
        last = replace(first, after=start_of_last_page(path, case))
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(runs):
            for query, taken in zip((first, last), times, strict=True):
                taken.append(read(directory, query))
        before, behind = map(statistics.median, times)
        ratio = behind / before
        missed = missed or ratio > TARGET
        print(f"{case.name:36}{before * 1000:10.2f}{behind * 1000:10.2f}{ratio:8.2f}{'  MISSED' * (ratio > TARGET)}")
    return missed


def read(directory: Directory, query: UserQuery) -> float:
    """Return the seconds to read the page."""
    started = time.perf_counter()
    with directory.select_users(query) as users:
        found = len(list(users))
    took = time.perf_counter() - started
    if found != PAGE:
        sys.exit(f"{query} found {found} users")
    return took


def start_of_last_page(path: Path, case: Case) -> str | int:
    """Return the value of the sorted column after which exactly one page of users follows."""
    column, backwards = case.query.sort, "" if case.query.descending else "DESC"
    with sqlite3.connect(path) as connection:
        found: tuple[str | int] = connection.execute(
            f"SELECT {column} FROM users WHERE {case.condition} ORDER BY {column} {backwards} LIMIT 1 OFFSET {PAGE}"
        ).fetchone()
    return found[0]


if __name__ == "__main__":
    main()
