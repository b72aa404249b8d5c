"""Checks of the event log and of the clock that dates it."""

from datetime import UTC, datetime

from lback_cli.database.introspection.adoption import is_adopted
from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.events.hash_chain import GENESIS
from lback_cli.managers.log_memory import LogMemory
from lback_cli.problem import Problem
from lback_cli.repositories.event_repository import EventQuery

_TOLERATED, _HARMFUL = 2.0, 60.0
"""Seconds by which clocks may differ, and by which links expire noticeably early or late."""

_CLOCK_HINT = "Synchronize the machines' clocks with NTP: links expire, and events are dated, by this clock."
_VERIFY_HINT = "Run: lback events verify; see docs/event-log.md."


def check_clock(context: CheckContext) -> CheckResult:
    """Compare this machine's clock with the database server's and with the newest event."""
    context.require_tables()
    context.require_readable("lback_events")
    differences: dict[str, float] = {}
    server = context.server.time
    if server is not None:
        seconds = (context.server_read_at - server).total_seconds()
        direction = "ahead of" if seconds > 0 else "behind"
        differences[f"The clock is {abs(seconds):.0f} s {direction} the database server's."] = abs(seconds)
    with context.reading() as uow:
        newest = next(uow.events.select(EventQuery(newest_first=True, limit=1)), None)
    if newest is not None:
        seconds = (parse_time(newest["time"]) - context.clock()).total_seconds()
        differences[f"The newest event is {seconds:.0f} s in the future, so a clock was set back."] = seconds
    agrees = "agrees with the database server's and " if server is not None else ""
    return evaluate(
        "clock",
        f"The clock {agrees}is not behind the newest event.",
        errors=[Problem(text, _CLOCK_HINT) for text, seconds in differences.items() if seconds > _HARMFUL],
        warnings=[
            Problem(text, _CLOCK_HINT) for text, seconds in differences.items() if _TOLERATED < seconds <= _HARMFUL
        ],
    )


def check_event_log(context: CheckContext) -> CheckResult:
    """Compare the head of the hash chain with the last event, and the log with what this machine remembers of it.

    A log without events is lost if there are users: their registration, or `lback db adopt`, leaves one. Only beside an
    application that was given lback's own tables there can be users whom lback never had to do with.

    This is cheap and proves little: `lback events verify` checks every event.

    Raises:
        ConfigurationError: What this machine remembers cannot be read.
    """
    context.require_tables()
    context.require_readable("lback_events", "lback_event_head", "users")
    with context.reading() as uow:
        head = uow.events.head()
        last = next(uow.events.select(EventQuery(newest_first=True, limit=1)), None)
        has_users = last is None and uow.users.last_id() > 0
        framework = context.settings.compat.lback_framework
        is_lost = has_users and (not framework or is_adopted(uow.session.connection()))
    if head is None:
        return CheckResult("events", "fail", "The head of the event log is missing.", _VERIFY_HINT)
    seq, digest = (0, GENESIS) if last is None else (last["seq"], last["hash"])
    if (seq, digest) != (head.seq, head.hash):
        message = f"The head of the event log names event {head.seq}, but the log ends with another event ({seq})."
        return CheckResult("events", "fail", message, _VERIFY_HINT)
    if is_lost:
        return CheckResult("events", "fail", "There are users, but the event log has not one event.", _VERIFY_HINT)
    lost = LogMemory(context.database).check()
    if lost is not None:
        return CheckResult("events", "fail", f"Event {lost.seq}: {lost.message}", lost.hint)
    return CheckResult("events", "ok", f"The event log ends with event {head.seq}, as its head says.")


def parse_time(text: str) -> datetime:
    """Return the time of an event. A malformed time counts as long ago; the check of the event log reports it."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
