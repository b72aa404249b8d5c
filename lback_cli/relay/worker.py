"""Delivery to one sink: in the order of the log, one event at a time."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from lback_cli.database.engine import Database
from lback_cli.errors import BrokenEventLog, DatabaseError
from lback_cli.lease import LeaseLostError
from lback_cli.models import DeadLetter
from lback_cli.relay.choice import EventChoice
from lback_cli.relay.cursor import SinkCursor
from lback_cli.relay.loop import Backoff, DeliveryLoop
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.sinks.base import (
    DeliveryFailed,
    Message,
    MessageRejected,
    Sink,
    SinkError,
    SinkUnavailable,
)
from lback_cli.repositories.unit_of_work import reading
from lback_cli.settings import SinkSettings

_LEASE_MARGIN = 5.0
"""Seconds of a lease that must be left beyond the longest delivery."""

LONGEST_WAIT_ONCE = 60.0
"""Seconds that a run with *once* waits in all, if a sink asks for delays."""


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
        settings: SinkSettings,
        choice: EventChoice,
        initial_backoff: float,
        now: Callable[[], datetime],
        stop: threading.Event,
    ) -> None:
        self.report = RelayReport(cursor.name)
        self._database = database
        self._cursor = cursor
        self._sink = sink
        self._observer = observer
        self._settings = settings
        self._choice = choice
        self._backoff = Backoff(initial_backoff, settings.max_backoff.total_seconds())
        self._now = now
        self._loop = DeliveryLoop(
            cursor.name, observer, backoff=self._backoff, max_attempts=settings.max_attempts, stop=stop
        )
        self._waiting_left = LONGEST_WAIT_ONCE

    def run(self, *, once: bool) -> None:
        """Deliver until stopped; with *once*, until the end of the log or the first failure.

        With *once*, a failure after which the sink asks for a short delay is retried too.

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
        if (left := self._seconds_to_wait()) > 0:
            return self._wait(left, self._cursor.last_error or "it asked for a delay", asked=True)
        row = self._next_event()
        self._cursor.extend_lease(self._settings.timeout + _LEASE_MARGIN)
        self.report.position = self._cursor.position
        if row is None:
            if not self._loop.poll():
                return False
            self._sink.idle()
            self._cursor.refresh()
            return True
        error = self._deliver(row)
        self.report.position = self._cursor.position
        return error is None or self._wait(self._delay_after(error), str(error), asked=error.retry_after is not None)

    def _next_event(self) -> Mapping[str, Any] | None:
        """Return the next event that the sink gets, or None after the last, which is passed over."""
        with reading(self._database) as uow:
            head = uow.events.head()
            # One event at a time, not a batch: an event that is erased in the meantime must not leave.
            row = next(uow.events.select(self._choice.query(after=self._cursor.position, limit=1)), None)
        if row is None and head is not None and self._choice.text is not None:
            self._loop.save(lambda: self._cursor.pass_over(head.seq))
        return row

    def _deliver(self, row: Mapping[str, Any]) -> SinkError | None:
        """Send one event and store the outcome; return the error if the next event has to wait."""
        seq = row["seq"]
        number = None if self._cursor.chosen is None else self._cursor.chosen + 1
        try:
            self._sink.send(Message.of(row, self._settings, number=number))
        except BrokenEventLog as error:
            return self._note_failure(SinkUnavailable(error.message.rstrip(".")))
        except SinkError as error:
            if self._is_final(error):
                self._dead_letter(seq, error)
                return None
            return self._note_failure(error)
        self._loop.save(lambda: self._cursor.advance(seq))
        self.report.delivered += 1
        self._loop.report_success()
        return None

    def _is_final(self, error: SinkError) -> bool:
        """Return True if the event becomes a dead letter.

        If a sink rejects this many events in a row, it is probably misconfigured: then an event has all its attempts
        before it is given up, so that the whole log does not become dead letters.
        """
        rejected = isinstance(error, MessageRejected)
        if rejected and self._cursor.rejections < self._settings.max_attempts:
            return True
        return (rejected or isinstance(error, DeliveryFailed)) and self._cursor.tries + 1 >= self._settings.max_attempts

    def _note_failure(self, error: SinkError) -> SinkError:
        reason = str(error)
        counts = isinstance(error, DeliveryFailed | MessageRejected)
        retry_at = None
        if error.retry_after is not None:
            retry_at = self._now() + timedelta(seconds=min(error.retry_after, self._backoff.maximum))
        self._loop.save(lambda: self._cursor.fail(reason, counts=counts, retry_at=retry_at))
        if not self._waits_after(error):
            self._loop.report_failure(reason)
        return error

    def _waits_after(self, error: SinkError) -> bool:
        """Return True if a run with *once* does not end with *error*, because the sink has only asked for a delay."""
        return self._loop.once and error.retry_after is not None

    def _dead_letter(self, seq: int, error: SinkError) -> None:
        letter = {"sink": self._cursor.name, "seq": seq, "error": str(error), "tries": self._cursor.tries + 1}
        letter["answer"] = error.answer
        self._loop.save(lambda: self._cursor.advance(seq, DeadLetter(**letter, given_up_at=self._now())))
        self.report.dead += 1
        self._observer.dead_lettered(self._cursor.name, f"event {seq}", str(error))

    def _seconds_to_wait(self) -> float:
        """Return the seconds that are left of the delay that the sink last asked for."""
        if self._cursor.retry_at is None:
            return 0
        # The clock may have been set since.
        return min((self._cursor.retry_at - self._now()).total_seconds(), self._backoff.maximum)

    def _delay_after(self, error: SinkError) -> float:
        delay = self._backoff.delay(self._cursor.failures)
        return delay if error.retry_after is None else min(max(delay, error.retry_after), self._backoff.maximum)

    def _wait(self, seconds: float, reason: str, *, asked: bool) -> bool:
        """Wait, and keep the lease; with *once*, return False instead if the sink has not *asked* for a short delay."""
        if self._loop.once:
            if not asked or seconds > self._waiting_left:
                self.report.error = reason
                if asked:
                    self._loop.report_failure(reason)
                return False
            self._waiting_left -= seconds
        while seconds > 0 and not self._loop.wait(min(seconds, _LEASE_MARGIN)):
            seconds -= _LEASE_MARGIN
            self._cursor.extend_lease(self._settings.timeout + _LEASE_MARGIN)
        return True
