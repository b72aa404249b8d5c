"""Delivery to one sink: in the order of the log, one event at a time."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lback_cli.database.engine import Database
from lback_cli.errors import DatabaseError
from lback_cli.lease import LeaseLostError
from lback_cli.models import DeadLetter
from lback_cli.relay.cursor import SinkCursor
from lback_cli.relay.loop import Backoff, DeliveryLoop
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.sinks.base import DeliveryFailed, Message, MessageRejected, Sink, SinkError
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import reading

_LEASE_MARGIN = 5.0
"""Seconds of a lease that must be left beyond the longest delivery."""


@dataclass(slots=True)
class RelayReport:
    """The outcome of one run for one sink.

    *error* says why the run ended early. *holder* is the other process that holds the sink.
    """

    sink: str
    delivered: int = 0
    dead: int = 0
    position: int = 0
    error: str | None = None
    holder: str | None = None


class Worker:
    """Delivers the event log to one sink.

    It stores the position after each event and before it sends the next one, so a crash at any moment repeats one event
    at most.
    """

    def __init__(
        self,
        database: Database,
        cursor: SinkCursor,
        sink: Sink,
        observer: RelayObserver,
        *,
        timeout: float,
        max_attempts: int,
        backoff: Backoff,
        now: Callable[[], datetime],
        stop: threading.Event,
    ) -> None:
        self.report = RelayReport(cursor.name)
        self._database = database
        self._cursor = cursor
        self._sink = sink
        self._observer = observer
        self._timeout = timeout
        self._max_attempts = max_attempts
        self._backoff = backoff
        self._now = now
        self._loop = DeliveryLoop(cursor.name, observer, backoff=backoff, max_attempts=max_attempts, stop=stop)
        self._consecutive_dead_letters = 0

    def run(self, *, once: bool) -> None:
        """Deliver until stopped; with *once*, until the end of the log or the first failure.

        Raises:
            DatabaseError: With *once*.
        """
        try:
            self._loop.run(self._step, once=once)
        finally:
            self._sink.close()
            # Another relay can go on at once. If the database is gone, it has to wait until the lease expires.
            with suppress(DatabaseError):
                self._cursor.release()

    def _step(self) -> bool:
        """Take the next step; return False if there is nothing more to do."""
        try:
            return self._deliver_next() if self._cursor.held else self._acquire()
        except LeaseLostError:
            self._sink.close()
            return True

    def _acquire(self) -> bool:
        holder = self._cursor.acquire()
        if holder is not None and holder != self.report.holder:
            self._observer.waiting(self._cursor.name, holder)
        self.report.holder = holder
        return holder is None or self._loop.poll()

    def _deliver_next(self) -> bool:
        self.report.position = self._cursor.position
        # One event at a time, not a batch: an event that is erased in the meantime must not leave.
        with reading(self._database) as uow:
            row = next(uow.events.select(EventQuery(after=self._cursor.position, limit=1)), None)
        self._cursor.extend_lease(self._timeout + _LEASE_MARGIN)
        if row is None:
            if not self._loop.poll():
                return False
            self._sink.idle()
            self._cursor.refresh()
            return True
        error = self._deliver(row)
        self.report.position = self._cursor.position
        if error is None:
            return True
        if self._loop.once:
            self.report.error = str(error)
            return False
        self._wait_after(error)
        return True

    def _deliver(self, row: Mapping[str, Any]) -> SinkError | None:
        """Send one event and store the outcome; return the error if the next event has to wait."""
        seq = row["seq"]
        try:
            self._sink.send(Message.of(row))
        except SinkError as error:
            counts = isinstance(error, DeliveryFailed)
            if isinstance(error, MessageRejected) or (counts and self._cursor.tries + 1 >= self._max_attempts):
                return self._dead_letter(seq, error)
            reason = str(error)
            self._loop.save(lambda: self._cursor.fail(reason, counts=counts))
            self._loop.report_failure(reason)
            return error
        self._loop.save(lambda: self._cursor.advance(seq))
        self.report.delivered += 1
        self._consecutive_dead_letters = 0
        self._loop.report_success()
        return None

    def _dead_letter(self, seq: int, error: SinkError) -> SinkError | None:
        letter = {"sink": self._cursor.name, "seq": seq, "error": str(error), "tries": self._cursor.tries + 1}
        self._loop.save(lambda: self._cursor.advance(seq, DeadLetter(**letter, given_up_at=self._now())))
        self.report.dead += 1
        self._consecutive_dead_letters += 1
        self._observer.dead_lettered(self._cursor.name, f"event {seq}", str(error))
        # If a sink rejects this many events in a row, it is probably misconfigured: pause before each further one
        # instead of dead-lettering the whole log.
        return error if self._consecutive_dead_letters >= self._max_attempts else None

    def _wait_after(self, error: SinkError) -> None:
        """Back off after *error*, and keep the lease during the delay."""
        failures = max(self._cursor.failures, self._consecutive_dead_letters - self._max_attempts + 1)
        left = self._backoff.delay(failures)
        if error.retry_after is not None:
            left = min(max(left, error.retry_after), self._backoff.maximum)
        while left > 0 and not self._loop.wait(min(left, _LEASE_MARGIN)):
            left -= _LEASE_MARGIN
            self._cursor.extend_lease(self._timeout + _LEASE_MARGIN)
