"""Who works for a sink, and how far it has come: the part that several relays share through the database."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from lback_cli.database.engine import Database
from lback_cli.lease import LeaseOwner
from lback_cli.models import DeadLetter, SinkState
from lback_cli.repositories.unit_of_work import UnitOfWork, reading, transaction


class LeaseLostError(Exception):
    """Another relay has taken the sink over."""


class SinkCursor:
    """The position of one sink, held by this process from `claim` to `release`.

    Each change is one short statement that names the owner and the position it knew: a process that was taken for dead
    and is not changes nothing any more, and one whose sink was set back meanwhile goes on from there.
    """

    def __init__(
        self, database: Database, name: str, *, start: str, lease: timedelta, now: Callable[[], datetime]
    ) -> None:
        self.name = name
        self.seq = 0
        self.failures = 0
        self.tries = 0
        self._database = database
        self._start = start
        self._lease = lease
        self._now = now
        self._owner = str(LeaseOwner.this_process())
        self._deadline = 0.0  # by a clock that nobody sets
        self.held = False

    def claim(self) -> str | None:
        """Take the sink; None, or who has it. A relay that died on this machine, or was silent, is succeeded."""
        with reading(self._database) as work:
            found = work.sinks.get(self.name)
            if found is not None and (holder := self._holder(found)):
                return holder
        asked_at = time.monotonic()
        with transaction(self._database) as work:
            found = work.sinks.get(self.name) or self._begin(work)
            if holder := self._holder(found):
                return holder
            known = {"owner": found.owner, "lease_until": found.lease_until}
            if not work.sinks.change(self.name, self._leased(), **known):
                return "another relay"
            self._load(found)
        self._deadline = asked_at + self._lease.total_seconds()
        self.held = True
        return None

    def refresh(self) -> None:
        """See whether the sink was set back meanwhile. Raises `LeaseLostError`."""
        with reading(self._database) as work:
            self._require_owned(work.sinks.get(self.name))

    def extend_lease(self, seconds: float) -> None:
        """Make sure that nobody else takes the sink for so long. Raises `LeaseLostError`."""
        if time.monotonic() + seconds > self._deadline:
            self._change()

    def advance(self, seq: int, dead: DeadLetter | None = None) -> None:
        """Event *seq* is delivered, or as *dead* among the dead letters. Raises `LeaseLostError`."""
        delivered = {} if dead is not None else {"failures": 0, "last_error": None, "delivered_at": self._now()}
        if self._change(dead=dead, position=seq, tries=0, **delivered):
            self.seq, self.tries = seq, 0
            self.failures = self.failures if dead is not None else 0

    def fail(self, error: str, *, counts: bool) -> None:
        """The event behind the position was not delivered; *counts* if that is held against it.

        Raises `LeaseLostError`.
        """
        failures, tries = self.failures + 1, self.tries + counts
        if self._change(failures=failures, tries=tries, last_error=error):
            self.failures, self.tries = failures, tries

    def release(self) -> None:
        """Let another relay go on at once."""
        if self.held:
            self.held = False
            with transaction(self._database) as work:
                work.sinks.change(self.name, {"owner": None, "lease_until": None}, owner=self._owner)

    def _change(self, *, dead: DeadLetter | None = None, **values: object) -> bool:
        """Set *values* and renew the lease; false, and nothing is set, where somebody set the position meanwhile."""
        asked_at = time.monotonic()
        with transaction(self._database) as work:
            changed = work.sinks.change(self.name, {**values, **self._leased()}, owner=self._owner, position=self.seq)
            if changed and dead is not None:
                work.sinks.add_dead_letter(dead)
            found = None if changed else work.sinks.get(self.name)
        if not changed:
            self._require_owned(found)
            return False
        self._deadline = asked_at + self._lease.total_seconds()
        return True

    def _require_owned(self, found: SinkState | None) -> None:
        """Go on from where the sink is now. Raises `LeaseLostError` where it is not ours any more."""
        if found is None or found.owner != self._owner:
            self.held = False
            raise LeaseLostError
        self._load(found)

    def _load(self, found: SinkState) -> None:
        self.seq, self.failures, self.tries = found.position, found.failures, found.tries

    def _leased(self) -> dict[str, object]:
        return {"owner": self._owner, "lease_until": self._now() + self._lease}

    def _begin(self, work: UnitOfWork) -> SinkState:
        head = work.events.head()
        position = head.seq if head is not None and self._start == "next" else 0
        sink = SinkState(name=self.name, position=position, failures=0, tries=0)
        return sink if work.sinks.add(sink) else work.session.get_one(SinkState, self.name, populate_existing=True)

    def _holder(self, sink: SinkState) -> str | None:
        """Who works for *sink*, unless that process is known to be gone or has not been heard of.

        A lease that reaches further than anybody gives one was written by a clock that was wrong.
        """
        if sink.owner is None or sink.lease_until is None:
            return None
        owner = LeaseOwner.parse(sink.owner)
        left = sink.lease_until - self._now()
        return None if owner.lives is False or not timedelta() < left < 10 * self._lease else owner.name
