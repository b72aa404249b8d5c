"""Tests that take samples, in full for an hour: ``pytest -m slow tests/slow/test_servers.py``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "path",
    [
        "contract/test_servers.py",
        "servers/test_cut.py",
        "servers/test_names.py",
        "servers/test_contests.py",
        "apply/test_histories.py",
        "apply/test_killing.py",
        "undo/test_killing.py",
        "undo/test_histories.py",
        "events/test_past.py",
        "events/test_replay.py",
        "relay/test_killing.py",
        "relay/test_mail_killing.py",
        "relay/test_misbehaving.py",
        "mail/test_misbehaving.py",
    ],
)
def test_in_full(path: str) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(TESTS / path)]
    done = subprocess.run(
        command, env={**os.environ, "THOROUGH": "1"}, cwd=TESTS.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-5000:]
    assert " passed" in done.stdout
