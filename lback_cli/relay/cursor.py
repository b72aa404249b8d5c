"""The lease and the position of a sink, which the relays of all processes share through the database."""

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from lback_cli.database.engine import Database
from lback_cli.lease import Lease, LeaseLostError
from lback_cli.models import DeadLetter, SinkState
from lback_cli.relay.choice import ALL_EVENTS, EventChoice
from lback_cli.repositories.unit_of_work import UnitOfWork, reading, transaction

_REMEMBERED = frozenset({"position", "failures", "tries", "rejections", "retry_at", "last_error", "choice", "chosen"})
"""The columns that a cursor knows without reading them again."""


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
        rejections: Dead letters since the last delivery.
        retry_at: Until when the sink wants no event.
        last_error: The reason of the last failure since the last delivery.
        choice: Which events *chosen* counts, or None if the sink gets all.
        chosen: How many of the events up to *position* the sink gets, or None in the same case.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        start: str,
        lease: timedelta,
        now: Callable[[], datetime],
        choice: EventChoice = ALL_EVENTS,
    ) -> None:
        """Create the cursor of the sink *name*, without the lease.

        Args:
            database: Where sinks and events are.
            name: The sink.
            start: Where a new sink begins: at the ``first`` event of the log or at the ``next`` one.
            lease: How long this process holds the sink without a renewal.
            now: The clock.
            choice: The events that the sink gets.
        """
        self.name = name
        self.held = False
        self.position = 0
        self.failures = 0
        self.tries = 0
        self.rejections = 0
        self.retry_at: datetime | None = None
        self.last_error: str | None = None
        self.choice: str | None = None
        self.chosen: int | None = None
        self._database = database
        self._choice = choice
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
        self._recount()
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
        chosen = None if self.chosen is None else self.chosen + 1
        values: dict[str, Any] = {"position": position, "tries": 0, "retry_at": None, "chosen": chosen}
        if dead is None:
            values |= {"failures": 0, "rejections": 0, "last_error": None, "delivered_at": self._now()}
        else:
            values |= {"rejections": self.rejections + 1, "last_error": dead.error}
        self._store(values, dead=dead)

    def pass_over(self, position: int) -> None:
        """Store that the sink gets none of the events up to *position* that come next.

        Raises:
            LeaseLostError: If another process holds the sink.
        """
        if position > self.position:
            self._store({"position": position, "tries": 0})

    def fail(self, error: str, *, counts: bool, retry_at: datetime | None = None) -> None:
        """Store a failure.

        Args:
            error: The reason.
            counts: Whether it counts as an attempt to deliver the next event.
            retry_at: Until when the sink wants no event, if it has said so.

        Raises:
            LeaseLostError: If another process holds the sink.
        """
        tries = self.tries + counts
        self._store({"failures": self.failures + 1, "tries": tries, "last_error": error, "retry_at": retry_at})

    def release(self) -> None:
        """Release the lease, so that another relay can go on at once."""
        if self.held:
            self.held = False
            with transaction(self._database) as uow:
                uow.sinks.release(self.name, owner=self._lease.owner)

    def _store(self, values: Mapping[str, Any], *, dead: DeadLetter | None = None) -> None:
        if self._update(dead=dead, **values):
            for name in _REMEMBERED & values.keys():
                setattr(self, name, values[name])

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
        self._recount()

    def _load(self, sink: SinkState) -> None:
        for name in _REMEMBERED:
            setattr(self, name, getattr(sink, name))

    def _recount(self) -> None:
        """Count the chosen events up to the position, if the choice is new or the position was moved."""
        text = self._choice.text
        if text == self.choice and (self.chosen is None) == (text is None):
            return
        chosen = None
        if text is not None:
            with reading(self._database) as uow:
                chosen = self._choice.count(uow.events, before=self.position + 1)
        self._store({"choice": text, "chosen": chosen})

    def _renewed(self, asked_at: float) -> None:
        self._expires_at = asked_at + self._lease.duration.total_seconds()

    def _add(self, uow: UnitOfWork) -> SinkState:
        """Add the sink, or return it if another relay has just added it."""
        head = uow.events.head()
        position = head.seq if head is not None and self._start == "next" else 0
        sink = SinkState(name=self.name, position=position, failures=0, tries=0, rejections=0)
        return sink if uow.sinks.add(sink) else uow.session.get_one(SinkState, self.name, populate_existing=True)
