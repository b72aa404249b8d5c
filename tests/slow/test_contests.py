"""Each contest a hundred times, or ROUNDS times: ``pytest -m slow tests/slow/test_contests.py -s``.

Those of the library take about ten minutes, those of the installed command more than an hour.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.concurrent_commands import arena_on
from tests.acceptance.test_contests import DATABASES, one_token, same_name

ROUNDS = int(os.environ.get("ROUNDS", "100"))
PROGRAM = Path(__file__).parents[1] / "managers" / "concurrency.py"


@pytest.mark.parametrize(
    "contest", ["same-name", "same-address", "one-token", "deactivate", "leave", "delete", "old-hash"]
)
def test_rounds_of_a_contest_end_as_expected(tmp_path: Path, contest: str) -> None:
    command = [sys.executable, str(PROGRAM), str(tmp_path), f"{contest}={ROUNDS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", ROUNDS), done.stdout


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("contest", ["same-name", "one-token"])
def test_rounds_of_a_contest_of_commands_end_as_expected(
    contest: str,
    database: str,
    lback: Any,
    database_on: Callable[[str], AbstractContextManager[str]],
    token_in: Callable[[Any], str],
) -> None:
    with arena_on(database, lback, database_on) as arena:
        for number in range(ROUNDS):
            began = time.monotonic()
            if contest == "same-name":
                same_name(arena, range(16))
            else:
                one_token(arena, token_in, 32)
            print(f"{contest} on {database}: round {number + 1}, {time.monotonic() - began:.1f} s", flush=True)  # noqa: T201
