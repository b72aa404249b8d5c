"""Counts of events by day, weekday or hour, and kind."""

from collections.abc import Iterable
from contextlib import suppress
from datetime import date, timedelta
from typing import Literal

KINDS = ("registered", "logins", "failed_logins", "failures", "changes")
"""The kinds in display order. Failures exclude failed logins; changes are all other events."""

FAILED_LOGIN = "user_authentication_failed"

KIND_OF = {
    "user_registered": "registered",
    "user_authenticated": "logins",
    FAILED_LOGIN: "failed_logins",
}
"""The kinds of single signals."""


By = Literal["day", "weekday", "hour"]
"""What a summary has a row for. All are in UTC."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = tuple(f"{hour:02}:00" for hour in range(24))


class Summary:
    """Counts for each day from the first to the last, for each weekday or for each hour of the day, without gaps.

    Attributes:
        rows: The name of the day, weekday or hour as *by*, and the count of each of `KINDS`.
    """

    def __init__(self, counts: Iterable[tuple[str, str, int]], by: By = "day") -> None:
        """Sum *counts*, which are (day or hour, signal, number of events)."""
        found: dict[str, dict[str, int]] = {}
        for text, signal, number in counts:
            # The time of a damaged event may be any text; 'lback events verify' names the event.
            with suppress(ValueError, IndexError):
                found.setdefault(_name(text, by), dict.fromkeys(KINDS, 0))[kind_of(signal)] += number
        names = _names(found, by) if found else ()
        self.rows: list[dict[str, str | int]] = [
            {by: name, **found.get(name, dict.fromkeys(KINDS, 0))} for name in names
        ]


def _name(text: str, by: By) -> str:
    if by == "hour":
        return HOURS[int(text)]
    day = date.fromisoformat(text)
    return day.isoformat() if by == "day" else WEEKDAYS[day.weekday()]


def _names(found: Iterable[str], by: By) -> Iterable[str]:
    if by != "day":
        return HOURS if by == "hour" else WEEKDAYS
    first, last = date.fromisoformat(min(found)), date.fromisoformat(max(found))
    return ((first + timedelta(days=offset)).isoformat() for offset in range((last - first).days + 1))


def kind_of(signal: str) -> str:
    """Return the kind of the event *signal*, one of `KINDS`."""
    return KIND_OF.get(signal) or ("failures" if signal.endswith("_failed") else "changes")
