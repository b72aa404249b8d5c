"""The speed and memory of a list of all users in a pipe, compared with the `sqlite3` shell.

    python -m tests.benchmarks.lists [--users 200000] [--runs 5] [--file PATH]

`lback user list -o csv` and `sqlite3 -csv` write the same values of the same columns, which the benchmark checks once.
They run in turn, as whole processes. The times are processor times, because other work on the machine does not count
in them; the target is 0.5 times the rate of `sqlite3` for the list as it is. A third program only fetches the rows
with Python's `sqlite3` module and drops them: no program in Python can be faster. Half of the users have logged in, all
have an external id, a tenth has a display name and a second group. The database is a temporary file unless one is
named, which is then kept.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import csv
import os
import platform
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.settings import DatabaseSettings
from tests.peak_memory import wrapped

TARGET = 0.5

FILL = """
WITH RECURSIVE number(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM number WHERE n < {users})
INSERT INTO users (username, email, password, is_active, is_email_verified, created_at, updated_at)
SELECT printf('user%07d', n), printf('user%07d@example.org', n),
       '$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$QmJ1aWxkc29tZXRoaW5nb2YzMmJ5dGVz',
       n % 10 > 0, n % 2, datetime('2026-01-01', n || ' seconds') || '.250000',
       datetime('2026-02-01', n || ' seconds') || '.500000'
FROM number;
INSERT INTO groups (name, created_at, updated_at)
VALUES ('basic_user', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000'),
       ('staff', '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000');
INSERT INTO user_groups_association SELECT id, 1 FROM users;
INSERT INTO user_groups_association SELECT id, 2 FROM users WHERE id % 10 = 3;
INSERT INTO lback_user_attributes (user_id, name, value, digest, user_created_at)
SELECT id, 'external_id', printf('"E%07d"', id), printf('e%063d', id), created_at FROM users
UNION ALL
SELECT id, 'display_name', printf('"User Number %d"', id), printf('d%063d', id), created_at FROM users
WHERE id % 10 = 4;
INSERT INTO lback_accounts (key, user_id, user_created_at, last_login, failures, pending, updated_at)
SELECT 'user:' || id, id, created_at, datetime('2026-03-01', id || ' seconds') || '.750000', 0, 0, updated_at
FROM users WHERE id % 2;
"""

TIME = "replace(substr({0}, 1, 19), ' ', 'T') || 'Z'"
ATTRIBUTE = """
(SELECT json_extract(value, '$') FROM lback_user_attributes a
WHERE a.user_id = u.id AND a.name = '{0}' AND a.user_created_at = u.created_at) AS {0}"""
COLUMNS = {
    "id": "u.id",
    "username": "u.username",
    "email": "u.email",
    "external_id": ATTRIBUTE.format("external_id"),
    "display_name": ATTRIBUTE.format("display_name"),
    "is_active": "iif(u.is_active, 'true', 'false') AS is_active",
    "is_email_verified": "iif(u.is_email_verified, 'true', 'false') AS is_email_verified",
    "groups": """
(SELECT group_concat(name, ';') FROM (SELECT g.name FROM user_groups_association m JOIN groups g ON g.id = m.group_id
WHERE m.user_id = u.id ORDER BY g.name)) AS groups""",
    "created_at": f"{TIME.format('u.created_at')} AS created_at",
    "updated_at": f"{TIME.format('u.updated_at')} AS updated_at",
    "last_login": f"{TIME.format('c.last_login')} AS last_login",
    "locked_until": f"iif(c.locked_until > datetime(), {TIME.format('c.locked_until')}, NULL) AS locked_until",
    "password": """
CASE WHEN u.password <> '!' THEN 'set'
WHEN EXISTS (SELECT 1 FROM lback_tokens t WHERE t.user_id = u.id AND t.purpose = 'reset_password'
             AND t.used_at IS NULL AND t.expires_at > datetime()) THEN 'invited'
ELSE 'none' END AS password""",
}
"""The fields of `lback user list` in SQL."""

CASES = {
    "all 13 fields": tuple(COLUMNS),
    "id, username, email, groups": ("id", "username", "email", "groups"),
    "id, username, email": ("id", "username", "email"),
}
"""The fields that are listed; the target is for the first."""


FETCH = """
import sqlite3, sys
cursor = sqlite3.connect(sys.argv[1]).execute(sys.argv[2])
while cursor.fetchmany(1000):
    pass
"""
"""A program that fetches the rows of a query, and does nothing with them."""


@dataclass(frozen=True)
class Run:
    """One run of a program: processor seconds, and the peak of its memory in MiB if it is lback."""

    processor: float
    memory: float


def main() -> None:
    """Fill the database, measure, print, and exit 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=200_000, help="how many (default 200000)")
    parser.add_argument("--runs", type=int, default=5, help="of each program (default 5)")
    parser.add_argument("--file", type=Path, help="keep the database here")
    arguments = parser.parse_args()
    if shutil.which("sqlite3") is None:
        sys.exit("The sqlite3 shell is not installed.")
    with tempfile.TemporaryDirectory(prefix="lback-lists-") as temporary:
        directory = Path(temporary)
        path: Path = arguments.file or directory / "users.db"
        database = Database(DatabaseSettings(url=f"sqlite:///{path}"))
        if Schema(database).initialize().state != "current":
            with sqlite3.connect(path) as connection:
                connection.executescript(FILL.format(users=arguments.users))
        database.dispose()
        print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} CPUs, Python {platform.python_version()}, ", end="")
        print(f"SQLite {sqlite3.sqlite_version}, {arguments.users:,} users, medians of {arguments.runs} runs\n")
        print(f"{'':32}{'sqlite3 s':>10}{'fetch s':>10}{'lback s':>10}{'µs/user':>10}{'MiB':>6}{'rate':>8}")
        ratios = [measure(case, fields, path, directory, arguments.runs) for case, fields in CASES.items()]
    sys.exit(0 if ratios[0] >= TARGET else 1)


def measure(case: str, fields: tuple[str, ...], path: Path, directory: Path, runs: int) -> float:
    """Measure both programs in turn, print a line, and return the rate of lback divided by that of the shell."""
    columns = ", ".join(COLUMNS[field] for field in fields)
    accounts = "LEFT JOIN lback_accounts c ON c.user_id = u.id AND c.user_created_at = u.created_at"
    statement = f"SELECT {columns} FROM users u {accounts if 'c.' in columns else ''} ORDER BY u.id"
    shell = ["sqlite3", "-csv", "-header", str(path), statement]
    peak = directory / "peak"
    lback = wrapped(peak, "--database-url", f"sqlite:///{path}", "user", "list", "-o", "csv")
    lback += ["--fields", ",".join(fields)]
    fetching = [sys.executable, "-c", FETCH, str(path), statement]
    outputs = directory / "sqlite3.csv", directory / "lback.csv"
    theirs, ours, least = [], [], []
    for _ in range(runs):
        theirs.append(run(shell, outputs[0]))
        ours.append(run(lback, outputs[1], peak))
        least.append(run(fetching, directory / "fetched"))
    require_equal(*outputs)
    users = sum(1 for _ in outputs[1].open()) - 1
    seconds = [statistics.median(one.processor for one in side) for side in (theirs, least, ours)]
    ratio = statistics.median(one.processor / other.processor for one, other in zip(theirs, ours, strict=True))
    print(f"{case:32}{seconds[0]:10.2f}{seconds[1]:10.2f}{seconds[2]:10.2f}{seconds[2] / users * 1e6:10.1f}", end="")
    print(f"{max(one.memory for one in ours):6.0f}{ratio:8.2f}")
    return ratio


def run(command: list[str], output: Path, peak: Path | None = None) -> Run:
    """Run a program, whose output goes to a file; *peak* is the file to which `wrapped` writes the memory."""
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return Run(usage.ru_utime + usage.ru_stime, 0 if peak is None else float(peak.read_text()))


def require_equal(theirs: Path, ours: Path) -> None:
    """Require the same rows in both files. The shell quotes more, and ends its lines in CRLF."""
    with theirs.open(newline="") as one, ours.open(newline="") as other:
        for expected, found in zip(csv.reader(one), csv.reader(other), strict=True):
            assert expected == found, (expected, found)


if __name__ == "__main__":
    main()
