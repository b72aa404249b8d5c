"""The time that a receiver may take. A slow receiver is reported, not stopped: it runs in the operation's thread."""

import contextlib
import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

POLL_SECONDS = 1.0
"""The longest interval between two checks of the running receivers."""

Running = tuple[Callable[..., Any], str, float]
"""A receiver, the name of its signal, and the `time.perf_counter` at which it started."""


class TimeBudget:
    """Reports each receiver that takes more than *seconds*, once while it is running and once when it has returned.

    *report* gets the text, and *name* returns the name of a receiver. A receiver whose attribute
    ``enforces_own_timeout`` is true is exempt.
    """

    def __init__(self, seconds: float, report: Callable[[str], None], name: Callable[[Any], str]) -> None:
        self.seconds = seconds
        self._report = report
        self._name = name
        self._running: dict[int, list[Running]] = {}
        self._reported: set[tuple[str, str, str]] = set()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lback-time-budget", daemon=True)

    def start(self) -> None:
        """Start to watch the running receivers. Where no thread can be started, only those that return are reported."""
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    def stop(self) -> None:
        """Stop watching."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def running(self) -> list[Running]:
        """Return the receivers that run in this thread, the innermost last. The caller keeps the list up to date."""
        thread = threading.get_ident()
        found = self._running.get(thread)
        if found is None:
            found = self._running[thread] = []
        return found

    def report_overrun(self, receiver: Callable[..., Any], signal: str, seconds: float) -> bool:
        """Report that *receiver* took *seconds*, and return whether it did: False if the receiver is exempt."""
        if getattr(receiver, "enforces_own_timeout", False):
            return False
        self._report_once("after", receiver, signal, f"took {seconds:.1f} s")
        return True

    def _watch(self) -> None:
        while not self._stopped.wait(min(POLL_SECONDS, self.seconds / 4)):
            now = perf_counter()
            for receiver, signal, started in [entry for stack in list(self._running.values()) for entry in list(stack)]:
                if now - started > self.seconds and not getattr(receiver, "enforces_own_timeout", False):
                    self._report_once("while", receiver, signal, f"is still running after {now - started:.1f} s")

    def _report_once(self, when: str, receiver: Callable[..., Any], signal: str, what: str) -> None:
        name = self._name(receiver)
        if (when, name, signal) not in self._reported:
            self._reported.add((when, name, signal))
            self._report(f"The receiver {name} of {signal} {what}; its time budget is {self.seconds:g} s.")
