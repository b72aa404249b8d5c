"""Delivering to all sinks at once, each in a thread of its own, so that none waits for another."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from lback_cli.database.engine import Database
from lback_cli.errors import ConfigurationError, SinkNotFound
from lback_cli.relay.backoff import Backoff
from lback_cli.relay.position import Position
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.watcher import Watcher
from lback_cli.relay.worker import Report, Worker
from lback_cli.settings import SinkSettings

FIRST_PAUSE = 0.5
"""Seconds after the first failure in a row."""

LEASE = timedelta(seconds=30)
"""How long a relay that is silent keeps a sink, beyond a delivery under way."""

GRACE = 3.0
"""Seconds that a delivery under way has left when the relay is to end."""


class Relay:
    """Sends the event log to *sinks*, by name. *database* need not be durable: a position lost is an event repeated."""

    def __init__(
        self,
        database: Database,
        sinks: Mapping[str, SinkSettings],
        watcher: Watcher,
        now: Callable[[], datetime],
        *,
        lease: timedelta = LEASE,
        first_pause: float = FIRST_PAUSE,
    ) -> None:
        """Raises `ConfigurationError` for a sink whose settings cannot be used, before any is served."""
        if not sinks:
            raise ConfigurationError(
                "No sink is configured.", hint="Add a section [relay.NAME] with a url; docs/relay.md tells more."
            )
        self._stop = threading.Event()
        self._workers = [
            Worker(
                database,
                Position(database, name, start=sink.start, lease=lease + 3 * timedelta(seconds=sink.timeout), now=now),
                build_sink(name, sink),
                watcher,
                timeout=sink.timeout,
                tries=sink.tries,
                backoff=Backoff(first_pause, sink.longest_pause.total_seconds()),
                now=now,
                stop=self._stop,
            )
            for name, sink in sinks.items()
        ]
        self._broken: BaseException | None = None

    def run(self, *, once: bool) -> list[Report]:
        """Deliver; with *once* what there is now, else for ever.

        What ends the process, such as a signal, stops the workers: each finishes its event or, after some seconds,
        abandons it, to be sent again. Raises `DatabaseError`.
        """
        threads = [threading.Thread(target=self._work, args=(worker, once), daemon=True) for worker in self._workers]
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                # In slices, as a join without an end would keep signals waiting on some systems.
                while thread.is_alive() and self._broken is None:
                    thread.join(0.2)
        finally:
            self._stop.set()
            deadline = time.monotonic() + GRACE
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
        if self._broken is not None:
            raise self._broken
        return [worker.report for worker in self._workers]

    def _work(self, worker: Worker, once: bool) -> None:
        try:
            worker.run(once=once)
        except BaseException as error:  # noqa: BLE001 - the main thread raises it
            self._broken = error


def chosen(sinks: Mapping[str, SinkSettings], names: Sequence[str]) -> dict[str, SinkSettings]:
    """Those of *sinks* that are called *names*, or all. Raises `SinkNotFound`."""
    for name in names:
        if name not in sinks:
            known = ", ".join(sinks) or "none"
            raise SinkNotFound(f"No sink {name!r} is configured.", hint=f"Configured are: {known}.")
    return {name: sink for name, sink in sinks.items() if not names or name in names}
