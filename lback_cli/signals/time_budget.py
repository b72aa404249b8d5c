"""The time that a receiver may take. It is told of, not stopped: it runs in the thread of the operation."""

import threading
from collections.abc import Callable
from time import perf_counter
from typing import Any

POLL_SECONDS = 1.0
"""The longest time between two looks at what runs."""


Running = tuple[Callable[..., Any], str, float]
"""A receiver, the name of its signal, and when it began, a value of `time.perf_counter`."""


class TimeBudget:
    """Tells of receivers that take more than *seconds*: of each once while it still runs, and once after.

    *tell* gets the text, *name* names a receiver. One whose attribute ``enforces_own_timeout`` is true sees to its time itself.
    """

    def __init__(self, seconds: float, tell: Callable[[str], None], name: Callable[[Any], str]) -> None:
        self.seconds = seconds
        self._tell = tell
        self._name = name
        self._running: dict[int, list[Running]] = {}
        self._told: set[tuple[str, str, str]] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="lback-time-budget", daemon=True)

    def start(self) -> None:
        """Begin to look at what runs."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self._thread.join()

    def running(self) -> list[Running]:
        """What runs in this thread, the innermost last: who calls receivers keeps it up to date."""
        thread = threading.get_ident()
        found = self._running.get(thread)
        if found is None:
            found = self._running[thread] = []
        return found

    def overrun(self, receiver: Callable[..., Any], signal: str, seconds: float) -> bool:
        """Tell that *receiver* took *seconds*, more than it may; false if that is its own business."""
        if getattr(receiver, "enforces_own_timeout", False):
            return False
        self._once("after", receiver, signal, f"took {seconds:.1f} s")
        return True

    def _watch(self) -> None:
        while not self._over.wait(min(POLL_SECONDS, self.seconds / 4)):
            now = perf_counter()
            for receiver, signal, started in [one for stack in list(self._running.values()) for one in list(stack)]:
                if now - started > self.seconds and not getattr(receiver, "enforces_own_timeout", False):
                    self._once("while", receiver, signal, f"still runs after {now - started:.1f} s")

    def _once(self, when: str, receiver: Callable[..., Any], signal: str, what: str) -> None:
        name = self._name(receiver)
        if (when, name, signal) not in self._told:
            self._told.add((when, name, signal))
            self._tell(f"The receiver {name} of {signal} {what}; its time budget is {self.seconds:g} s.")
