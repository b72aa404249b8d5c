"""A process that ends at any point leaves the change and its event, or neither."""

from pathlib import Path

import pytest

from .crash_sweep import CRASH_CASES, sweep


def check(name: str, empty: Path, directory: Path, every: int) -> None:
    result = sweep(CRASH_CASES[name], empty, directory, every)
    print(f"{name}: {result.points} points, {result.ends}")  # noqa: T201 - seen with -s
    assert result.faults == []
    assert result.ends["before"] > 3
    assert result.ends["after"] >= 1
    assert sum(result.ends.values()) == len(range(result.points, 0, -every))


@pytest.mark.parametrize("name", CRASH_CASES)
def test_crash_leaves_the_change_and_its_event_or_neither(name: str, empty: Path, tmp_path: Path) -> None:
    check(name, empty, tmp_path, every=4)


@pytest.mark.slow
@pytest.mark.parametrize("name", CRASH_CASES)
def test_crash_at_any_point_leaves_the_change_and_its_event_or_neither(name: str, empty: Path, tmp_path: Path) -> None:
    check(name, empty, tmp_path, every=1)
