"""Concurrent processes on each server: one round of some contests, or with THOROUGH set a hundred rounds of all."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from .conftest import SERVERS

PROGRAM = Path(__file__).parents[1] / "managers" / "concurrency.py"
THOROUGH = "THOROUGH" in os.environ
CONTESTS = ("same-name", "one-token", "delete", *(("same-address", "deactivate", "leave") if THOROUGH else ()))
ROUNDS = 100 if THOROUGH else 1


DatabaseOn = Callable[[str], AbstractContextManager[str]]


@pytest.mark.parametrize("server", SERVERS)
def test_contest_on_a_server_ends_as_on_sqlite(server: str, database_on: DatabaseOn, tmp_path: Path) -> None:
    check(server, database_on, tmp_path, CONTESTS)


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_contest_ends_the_same_at_a_higher_isolation_level(
    isolation: str, database_on: DatabaseOn, tmp_path: Path
) -> None:
    """As on distributed engines, a transaction that waited for a lock has lost and begins again."""
    check("postgresql", database_on, tmp_path, ("same-name", "one-token"), CONTEST_ISOLATION=isolation)


def check(server: str, database_on: DatabaseOn, directory: Path, contests: tuple[str, ...], **environment: str) -> None:
    with database_on(server) as url:
        check_at(url, directory, contests, **environment)


def check_at(url: str, directory: Path, contests: tuple[str, ...], **environment: str) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(directory), *(f"{contest}={ROUNDS}" for contest in contests)],
        env={**os.environ, "CONTEST_URL": url, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120 * ROUNDS,
    )
    rounds = [json.loads(line) for line in done.stdout.splitlines()]
    for found in rounds:
        assert {"outcomes": found["outcomes"], "state": found["state"]} == found["expected"], found["contest"]
    assert (done.returncode, done.stderr, len(rounds)) == (0, "", ROUNDS * len(contests))
