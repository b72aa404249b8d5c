"""Whether the clock can be trusted with the lifetimes of tokens and the times of events."""

from datetime import UTC, datetime

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem
from lback_cli.repositories.event_repository import EventQuery

_TOLERATED, _HARMFUL = 2.0, 60.0
"""Seconds that clocks may differ by, and by which a link dies noticeably early or late."""

_REMEDY = "Let the machines' clocks be set by NTP: links live, and events are dated, by this clock."


def check_clock(patient: CheckContext) -> CheckResult:
    """Compare this machine's clock with the database server's and with the newest event, which is in the past."""
    patient.require_tables()
    patient.require_readable("lback_events")
    apart: dict[str, float] = {}
    server = patient.facts.time
    if server is not None:
        seconds = (patient.clock() - server).total_seconds()
        way = "ahead of" if seconds > 0 else "behind"
        apart[f"The clock is {abs(seconds):.0f} s {way} the database server's."] = abs(seconds)
    with patient.reading() as work:
        newest = next(work.events.select(EventQuery(newest_first=True, limit=1)), None)
    if newest is not None:
        # An event that was tampered with may have any text here; that is for the check of the log to say.
        seconds = (_moment(newest["time"]) - patient.clock()).total_seconds()
        apart[f"The newest event is {seconds:.0f} s in the future, so a clock has gone back."] = seconds
    agrees = "agrees with the database server's and " if server is not None else ""
    return evaluate(
        "clock",
        f"The clock {agrees}is not behind the newest event.",
        problems=[Problem(text, _REMEDY) for text, seconds in apart.items() if seconds > _HARMFUL],
        weaknesses=[Problem(text, _REMEDY) for text, seconds in apart.items() if _TOLERATED < seconds <= _HARMFUL],
    )


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
