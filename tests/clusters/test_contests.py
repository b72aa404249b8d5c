"""Concurrent processes, of which each connects to a place of its own: ROUNDS rounds of each contest."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parents[1] / "managers" / "concurrency.py"
ROUNDS = int(os.environ.get("ROUNDS", "2"))
CONTESTS = ("same-name", "same-address", "one-token", "deactivate", "leave", "delete", "one-import")


@pytest.mark.parametrize("contest", CONTESTS)
def test_rounds_of_a_contest_end_as_expected(contest: str, urls: list[str], tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path), f"{contest}={ROUNDS}"],
        env={**os.environ, "CONTEST_URL": " ".join(urls)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120 * ROUNDS,
    )
    for found in map(json.loads, done.stdout.splitlines()):
        assert {"outcomes": found["outcomes"], "state": found["state"]} == found["expected"]
    assert (done.returncode, done.stderr, len(done.stdout.splitlines())) == (0, "", ROUNDS)
