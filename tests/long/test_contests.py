"""Each contest a hundred times, about ten minutes: ``pytest tests/long/test_contests.py``."""

import subprocess
import sys
from pathlib import Path

import pytest

ROUNDS = 100
PROGRAM = Path(__file__).parents[1] / "managers" / "contests.py"


@pytest.mark.parametrize(
    "contest", ["same-name", "same-address", "one-token", "deactivate", "leave", "delete", "old-hash"]
)
def test_no_round_of_a_contest_ends_otherwise_than_expected(tmp_path: Path, contest: str) -> None:
    command = [sys.executable, str(PROGRAM), str(tmp_path), f"{contest}={ROUNDS}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", ROUNDS), done.stdout
