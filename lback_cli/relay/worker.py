"""Delivering to one sink: in the order of the log, one event at a time."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from lback_cli.database.engine import Database
from lback_cli.errors import DatabaseError
from lback_cli.models import DeadLetter
from lback_cli.relay.backoff import Backoff
from lback_cli.relay.cursor import LeaseLostError, SinkCursor
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.sinks.base import DeliveryFailed, Message, MessageRejected, Sink, SinkError
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import reading

POLL_SECONDS = 0.5
"""How often to look for new events, or whether another relay has let go."""

_MARGIN = 5.0
"""Seconds of a lease that must be left beyond the longest delivery."""


@dataclass(slots=True)
class RelayReport:
    """What came of one run for one sink: *error* is why it ended early, *holder* who else works for it."""

    sink: str
    delivered: int = 0
    dead: int = 0
    position: int = 0
    error: str | None = None
    holder: str | None = None


class Worker:
    """Works for one sink until everything is delivered, or until it is stopped.

    The position is stored after each event and before the next one is sent, so a crash at any moment repeats one event
    at most.
    """

    def __init__(
        self,
        database: Database,
        position: SinkCursor,
        sink: Sink,
        watcher: RelayObserver,
        *,
        timeout: float,
        tries: int,
        backoff: Backoff,
        now: Callable[[], datetime],
        stop: threading.Event,
    ) -> None:
        self.report = RelayReport(position.name)
        self._database = database
        self._position = position
        self._sink = sink
        self._watcher = watcher
        self._timeout = timeout
        self._tries = tries
        self._backoff = backoff
        self._now = now
        self._stop = stop
        self._once = False
        self._failing = False
        self._burials = 0

    def run(self, *, once: bool) -> None:
        """Deliver; with *once* until the end of the log or the first failure, else until stopped."""
        self._once = once
        try:
            while not self._stop.is_set() and self._step():
                pass
        finally:
            self._sink.close()
            # Nobody needs to wait for the lease to end; where the database is gone, they have to.
            with suppress(DatabaseError):
                self._position.release()

    def _step(self) -> bool:
        """Do the next thing there is to do; whether there is more."""
        try:
            return self._deliver_next() if self._position.held else self._claim()
        except LeaseLostError:
            self._sink.close()
            return True
        except DatabaseError as error:
            if self._once:
                raise
            self._report_failing(error.message)
            self._stop.wait(self._backoff.pause(1))
            return True

    def _claim(self) -> bool:
        holder = self._position.claim()
        if holder is None:
            self.report.holder = None
            return True
        if self.report.holder != holder:
            self.report.holder = holder
            self._watcher.waiting(self._position.name, holder)
        self._stop.wait(0 if self._once else POLL_SECONDS)
        return not self._once

    def _deliver_next(self) -> bool:
        self.report.position = self._position.seq
        # Before each event, and not once for many: what is erased meanwhile must not leave.
        with reading(self._database) as work:
            row = next(work.events.select(EventQuery(after=self._position.seq, limit=1)), None)
        self._position.extend_lease(self._timeout + _MARGIN)
        if row is None:
            if self._once:
                return False
            self._sink.idle()
            self._stop.wait(POLL_SECONDS)
            self._position.refresh()
            return True
        error = self._deliver(row)
        self.report.position = self._position.seq
        if error is None:
            return True
        if self._once:
            self.report.error = str(error)
            return False
        self._wait(error)
        return True

    def _deliver(self, row: Mapping[str, Any]) -> SinkError | None:
        """Send one event and store what came of it; why it was not taken, if the next one has to wait for that."""
        seq = row["seq"]
        try:
            self._sink.send(Message.of(row))
        except SinkError as error:
            counts = isinstance(error, DeliveryFailed)
            if isinstance(error, MessageRejected) or (counts and self._position.tries + 1 >= self._tries):
                return self._dead_letter(seq, error)
            reason = str(error)
            self._stored(lambda: self._position.fail(reason, counts=counts))
            self._report_failing(reason)
            return error
        self._stored(lambda: self._position.advance(seq))
        self.report.delivered += 1
        self._burials = 0
        if self._failing:
            self._failing = False
            self._watcher.recovered(self._position.name)
        return None

    def _dead_letter(self, seq: int, error: SinkError) -> SinkError | None:
        letter = {"sink": self._position.name, "seq": seq, "error": str(error), "tries": self._position.tries + 1}
        self._stored(lambda: self._position.advance(seq, DeadLetter(**letter, given_up_at=self._now())))
        self.report.dead += 1
        self._burials += 1
        self._watcher.given_up(self._position.name, f"event {seq}", str(error))
        # A sink that takes none of so many is not set up yet; it shall not get rid of the whole log at once.
        return error if self._burials >= self._tries else None

    def _stored(self, store: Callable[[], None]) -> None:
        """*store* what became of a delivery, however long the database is busy, or the event would be sent twice."""
        attempts = 0
        while True:
            try:
                return store()
            except DatabaseError as error:
                attempts += 1
                self._report_failing(error.message)
                if self._stop.wait(self._backoff.pause(attempts)) or (self._once and attempts >= self._tries):
                    raise

    def _wait(self, error: SinkError) -> None:
        """Pause after *error*, and keep the sink meanwhile."""
        left = self._backoff.pause(max(self._position.failures, self._burials - self._tries + 1))
        if error.retry_after is not None:
            left = min(max(left, error.retry_after), self._backoff.longest)
        while left > 0 and not self._stop.wait(min(left, _MARGIN)):
            left -= _MARGIN
            self._position.extend_lease(self._timeout + _MARGIN)

    def _report_failing(self, reason: str) -> None:
        if not self._failing:
            self._failing = True
            self._watcher.failing(self._position.name, reason)
