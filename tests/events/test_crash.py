"""A process that ends at any point leaves the change and its event, or neither."""

from pathlib import Path

import pytest

from .crash_sweep import CRASH_CASES, sweep


@pytest.mark.parametrize("name", CRASH_CASES)
def test_crash_leaves_the_change_and_its_event_or_neither(name: str, empty: Path, tmp_path: Path) -> None:
    result = sweep(CRASH_CASES[name], empty, tmp_path)
    print(f"{name}: {result.points} points, {result.ends}")  # noqa: T201 - seen with -s
    assert result.faults == []
    assert result.ends["before"] > 3
    assert result.ends["after"] >= 1
    assert sum(result.ends.values()) == result.points
