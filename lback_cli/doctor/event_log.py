"""Whether the event log ends where its head says."""

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult
from lback_cli.events.hash_chain import GENESIS
from lback_cli.repositories.event_repository import EventQuery

_ADVICE = "Run: lback events verify; see docs/event-log.md."


def check_event_log(patient: CheckContext) -> CheckResult:
    """Compare the head with the last event. That is cheap and no proof: `lback events verify` looks at all events."""
    patient.require_tables()
    patient.require_readable("lback_events", "lback_event_head")
    with patient.reading() as work:
        head = work.events.head()
        last = next(work.events.select(EventQuery(newest_first=True, limit=1)), None)
    if head is None:
        return CheckResult("events", "fail", "The head of the event log is gone.", _ADVICE)
    found = (0, GENESIS) if last is None else (last["seq"], last["hash"])
    if found != (head.seq, head.hash):
        message = f"The event log's head tells of event {head.seq}, but the last event is another ({found[0]})."
        return CheckResult("events", "fail", message, _ADVICE)
    return CheckResult("events", "ok", f"The log ends with event {head.seq}, as its head says.")
