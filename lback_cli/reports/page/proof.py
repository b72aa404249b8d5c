"""What the page says about the event log that its numbers come from."""

from dataclasses import dataclass
from typing import Literal

from lback_cli.database.engine import Database
from lback_cli.errors import BrokenEventLog
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.managers.log_memory import LogMemory
from lback_cli.repositories.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Proof:
    """The state of the event log.

    Attributes:
        state: Whether the log was verified, is broken, or was not verified.
        checkpoint: The end of the log; None if its head is missing.
        erased: How many events are erased.
        error: What is broken.
    """

    state: Literal["verified", "broken", "unverified"]
    checkpoint: Checkpoint | None
    erased: int
    error: BrokenEventLog | None = None


def prove(database: Database, found: Snapshot, *, verify: bool) -> Proof:
    """Return the state of the event log of *found*, and compare it with what this machine remembers.

    Args:
        database: The database.
        found: The state that the report reads.
        verify: Whether to verify the hash of every event.
    """
    head = found.events.head()
    erased = 0 if head is None else found.events.count_erased(head.seq)
    checkpoint = None if head is None else Checkpoint(head.seq, head.seq, head.hash, erased=erased)
    if not verify:
        return Proof("unverified", checkpoint, erased)
    try:
        found.events.verify()
    except BrokenEventLog as error:
        return Proof("broken", checkpoint, erased, error)
    if (lost := LogMemory(database).check()) is not None:
        return Proof("broken", checkpoint, erased, BrokenEventLog(lost.seq, lost.message, hint=lost.hint))
    return Proof("verified", checkpoint, erased)
