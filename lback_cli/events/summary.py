"""Counts of events per day and kind."""

from collections.abc import Iterable
from datetime import date, timedelta

KINDS = ("registered", "logins", "failed_logins", "failures", "changes")
"""The kinds in display order. Failures exclude failed logins; changes are all other events."""

FAILED_LOGIN = "user_authentication_failed"

KIND_OF = {
    "user_registered": "registered",
    "user_authenticated": "logins",
    FAILED_LOGIN: "failed_logins",
}
"""The kinds of single signals."""


class Summary:
    """Counts for each day from the first to the last, without gaps."""

    def __init__(self, counts: Iterable[tuple[str, str, int]]) -> None:
        """Sum *counts*, which are (day, signal, number of events)."""
        by_day: dict[date, dict[str, int]] = {}
        for text, signal, number in counts:
            by_day.setdefault(date.fromisoformat(text), dict.fromkeys(KINDS, 0))[kind_of(signal)] += number
        self.days: list[dict[str, str | int]] = []
        if by_day:
            first, last = min(by_day), max(by_day)
            for offset in range((last - first).days + 1):
                day = first + timedelta(days=offset)
                self.days.append({"day": day.isoformat(), **by_day.get(day, dict.fromkeys(KINDS, 0))})


def kind_of(signal: str) -> str:
    """Return the kind of the event *signal*, one of `KINDS`."""
    return KIND_OF.get(signal) or ("failures" if signal.endswith("_failed") else "changes")
