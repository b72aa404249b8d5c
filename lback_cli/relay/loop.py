"""The loop of a delivery: it polls, backs off after failures, and reports when they begin and end."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from lback_cli.errors import DatabaseError
from lback_cli.relay.observer import RelayObserver

POLL_SECONDS = 0.5
"""How often to look for new work, or whether another process has released a lease."""

_QUIET_SECONDS = 60.0
"""How long the same failure is not reported again after it has passed."""

_NOT_PASSING = 5
"""Failures in a row that are always reported."""

_MAX_DOUBLINGS = 32
"""More would overflow, and no delay is that long."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays that double from *initial* to *maximum*, in seconds.

    Each is shortened by up to half at random, so that processes that failed together do not retry together.
    """

    initial: float
    maximum: float

    def delay(self, failures: int) -> float:
        """Return the seconds to wait after that many failures in a row."""
        longest = min(self.maximum, self.initial * 2.0 ** min(max(failures - 1, 0), _MAX_DOUBLINGS))
        return longest * random.uniform(0.5, 1)  # noqa: S311 - no secret


class DeliveryLoop:
    """Runs the steps of one delivery until there is no more to do or the process is to end.

    Attributes:
        once: True if the loop ends when there is no more to do, False if it then waits for more.
        failures: Failures in a row.
    """

    def __init__(
        self, name: str, observer: RelayObserver, *, backoff: Backoff, max_attempts: int, stop: threading.Event
    ) -> None:
        """Create a loop.

        Args:
            name: What messages call the delivery.
            observer: Receives reports when failures begin and end.
            backoff: The delays after database errors.
            max_attempts: How often a run with *once* tries to save an outcome.
            stop: Ends the loop as soon as it is set.
        """
        self.name = name
        self.once = False
        self.failures = 0
        self._reported = False
        self._last_reason = ""
        self._quiet_until = 0.0
        self._observer = observer
        self._backoff = backoff
        self._max_attempts = max_attempts
        self._stop = stop

    @property
    def stopped(self) -> bool:
        """True if the process is to end."""
        return self._stop.is_set()

    def run(self, step: Callable[[], bool], *, once: bool) -> None:
        """Call *step* until it returns False or the loop is stopped.

        Raises:
            DatabaseError: From *step*, with *once*. Without *once*, the loop waits and calls *step* again.
        """
        self.once = once
        errors = 0
        while not self.stopped:
            try:
                if not step():
                    break
            except DatabaseError as error:
                if once:
                    raise
                errors += 1
                self.report_failure(error.message)
                self.wait(self._backoff.delay(errors))
            else:
                errors = 0

    def save(self, store: Callable[[], object]) -> None:
        """Call *store* until the database accepts the outcome of a delivery, which would otherwise be repeated.

        Raises:
            DatabaseError: From *store*, if the loop is stopped or, with *once*, after the last attempt.
        """
        attempts = 0
        while True:
            try:
                store()
            except DatabaseError as error:
                attempts += 1
                self.report_failure(error.message)
                if (self.once and attempts >= self._max_attempts) or self.wait(self._backoff.delay(attempts)):
                    raise
            else:
                return

    def poll(self) -> bool:
        """Wait for more work; return False at once if the loop is to end when there is none."""
        if not self.once:
            self.wait(POLL_SECONDS)
        return not self.once

    def wait(self, seconds: float) -> bool:
        """Wait, and return True if the loop was stopped."""
        return self._stop.wait(seconds)

    def report_failure(self, reason: str) -> None:
        """Count a failure, and report the first in a row.

        The same failure that comes and goes, as of a sink that limits the rate, is reported once in a while.
        """
        self.failures += 1
        is_new = reason != self._last_reason or time.monotonic() >= self._quiet_until
        if not self._reported and (is_new or self.failures == _NOT_PASSING):
            self._reported = True
            self._observer.failing(self.name, reason.rstrip("."))
        self._last_reason = reason

    def report_success(self) -> None:
        """Report the end of the failures, if they were reported."""
        self.failures = 0
        if self._reported:
            self._reported = False
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
            self._observer.recovered(self.name)
