"""Days, weeks and months as columns of a chart."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

_LONGEST: Sequence[tuple[Literal["day", "week"], int]] = (("day", 92), ("week", 92 * 7))
"""How many days a chart with columns for days and for weeks has at most."""

_MONTHS_A_YEAR = 12
_WEEK = 7


def months_until(last: date, number: int) -> list[str]:
    """Return the *number* months that end with that of *last*, such as ``2026-01``."""
    index = last.year * _MONTHS_A_YEAR + last.month - 1
    months = (divmod(i, _MONTHS_A_YEAR) for i in range(max(index - number + 1, _MONTHS_A_YEAR), index + 1))
    return [f"{year:04}-{month + 1:02}" for year, month in months]


def columns_of(
    days: Mapping[date, Mapping[str, int]], kinds: Sequence[str]
) -> tuple[str, list[str], dict[str, list[int]]]:
    """Return the step of a chart, the names of its columns, and the counts of each of *kinds* for each column.

    The step is a day if there are few of them, else a week, which has the name of its Monday, or a month.
    """
    if not days:
        return "day", [], {kind: [] for kind in kinds}
    first, last = min(days), max(days)
    length = (last - first).days + 1
    step = next((name for name, longest in _LONGEST if length <= longest), "month")
    labels: dict[str, int] = {}
    for offset in range(length):
        labels.setdefault(_column(first + timedelta(days=offset), step), len(labels))
    counts = {kind: [0] * len(labels) for kind in kinds}
    for day, of_day in days.items():
        for kind in kinds:
            counts[kind][labels[_column(day, step)]] += of_day.get(kind, 0)
    return step, list(labels), counts


def _column(day: date, step: str) -> str:
    if step == "month":
        return day.isoformat()[:7]
    return (day - timedelta(days=day.weekday()) if step == "week" else day).isoformat()
