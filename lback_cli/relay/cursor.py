"""The lease and the position of a sink, which the relays of all processes share through the database."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from lback_cli.database.engine import Database
from lback_cli.lease import Lease, LeaseLostError
from lback_cli.models import DeadLetter, SinkState
from lback_cli.repositories.unit_of_work import UnitOfWork, reading, transaction


class SinkCursor:
    """The position of one sink, held by this process from `acquire` to `release`.

    Every UPDATE checks the owner and the position, so a process that lost its lease cannot write, and one whose sink
    was replayed goes on from the new position.

    Attributes:
        name: The sink.
        held: True while this process holds the lease, as far as it knows.
        position: The number of the last event that is delivered or a dead letter.
        failures: Failures since the last delivery.
        tries: Attempts that count against the event after *position*.
    """

    def __init__(
        self, database: Database, name: str, *, start: str, lease: timedelta, now: Callable[[], datetime]
    ) -> None:
        """Create the cursor of the sink *name*, without the lease.

        Args:
            database: Where sinks and events are.
            name: The sink.
            start: Where a new sink begins: at the ``first`` event of the log or at the ``next`` one.
            lease: How long this process holds the sink without a renewal.
            now: The clock.
        """
        self.name = name
        self.held = False
        self.position = 0
        self.failures = 0
        self.tries = 0
        self._database = database
        self._start = start
        self._lease = Lease(lease, now)
        self._now = now
        self._expires_at = 0.0  # monotonic, as the clock may be set

    def acquire(self) -> str | None:
        """Acquire the lease, also that of a dead process or one that has expired.

        Returns:
            The current holder, or None if this process has the lease now.
        """
        with reading(self._database) as uow:
            sink = uow.sinks.get(self.name)
            if sink is not None and (holder := self._lease.holder(sink)):
                return holder.name
        asked_at = time.monotonic()
        with transaction(self._database) as uow:
            sink = uow.sinks.get(self.name) or self._add(uow)
            if holder := self._lease.holder(sink):
                return holder.name
            if not uow.sinks.acquire(sink, self._lease):
                return "another relay"
            self._load(sink)
        self._renewed(asked_at)
        self.held = True
        return None

    def refresh(self) -> None:
        """Read the position, which a replay may have changed.

        Raises:
            LeaseLostError: If another process holds the sink.
        """
        with reading(self._database) as uow:
            self._reload(uow.sinks.get(self.name))

    def extend_lease(self, seconds: float) -> None:
        """Renew the lease if it expires within *seconds*.

        Raises:
            LeaseLostError: If another process holds the sink.
        """
        if time.monotonic() + seconds > self._expires_at:
            self._update()

    def advance(self, position: int, dead: DeadLetter | None = None) -> None:
        """Store that the event *position* was delivered, or that it is the dead letter *dead*.

        Raises:
            LeaseLostError: If another process holds the sink.
        """
        delivered = {} if dead is not None else {"failures": 0, "last_error": None, "delivered_at": self._now()}
        if self._update(dead=dead, position=position, tries=0, **delivered):
            self.position, self.tries = position, 0
            self.failures = self.failures if dead is not None else 0

    def fail(self, error: str, *, counts: bool) -> None:
        """Store a failure; *counts* is True if it counts as an attempt to deliver the next event.

        Raises:
            LeaseLostError: If another process holds the sink.
        """
        failures, tries = self.failures + 1, self.tries + counts
        if self._update(failures=failures, tries=tries, last_error=error):
            self.failures, self.tries = failures, tries

    def release(self) -> None:
        """Release the lease, so that another relay can go on at once."""
        if self.held:
            self.held = False
            with transaction(self._database) as uow:
                uow.sinks.release(self.name, owner=self._lease.owner)

    def _update(self, *, dead: DeadLetter | None = None, **values: object) -> bool:
        """Set *values* and renew the lease; return False, without a change, if the sink was replayed."""
        asked_at = time.monotonic()
        values |= self._lease.columns
        with transaction(self._database) as uow:
            updated = uow.sinks.update(self.name, values, owner=self._lease.owner, position=self.position)
            if updated and dead is not None:
                uow.sinks.add_dead_letter(dead)
            sink = None if updated else uow.sinks.get(self.name)
        if not updated:
            self._reload(sink)
            return False
        self._renewed(asked_at)
        return True

    def _reload(self, sink: SinkState | None) -> None:
        try:
            self._load(self._lease.require_owned(sink))
        except LeaseLostError:
            self.held = False
            raise

    def _load(self, sink: SinkState) -> None:
        self.position, self.failures, self.tries = sink.position, sink.failures, sink.tries

    def _renewed(self, asked_at: float) -> None:
        self._expires_at = asked_at + self._lease.duration.total_seconds()

    def _add(self, uow: UnitOfWork) -> SinkState:
        """Add the sink, or return it if another relay has just added it."""
        head = uow.events.head()
        position = head.seq if head is not None and self._start == "next" else 0
        sink = SinkState(name=self.name, position=position, failures=0, tries=0)
        return sink if uow.sinks.add(sink) else uow.session.get_one(SinkState, self.name, populate_existing=True)
