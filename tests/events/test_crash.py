"""A process that dies at any point leaves the change and its event, or neither."""

from pathlib import Path

import pytest

from .secret_scan import DEEDS, sweep


@pytest.mark.parametrize("name", DEEDS)
def test_a_crash_at_any_point_leaves_both_or_neither(name: str, empty: Path, tmp_path: Path) -> None:
    result = sweep(DEEDS[name], empty, tmp_path)
    print(f"{name}: {result.points} points, {result.ends}")  # noqa: T201 - seen with -s
    assert result.faults == []
    assert result.ends["before"] > 3
    assert result.ends["after"] >= 1
    assert sum(result.ends.values()) == result.points
