"""Delivering to all sinks at once, each in a thread of its own, so that none waits for another."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from lback_cli.database.engine import Database
from lback_cli.errors import ConfigurationError, SinkNotFound
from lback_cli.relay.backoff import Backoff
from lback_cli.relay.cursor import SinkCursor
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.thread_runner import run_all
from lback_cli.relay.worker import RelayReport, Worker
from lback_cli.settings import SinkSettings

FIRST_PAUSE = 0.5
"""Seconds after the first failure in a row."""

LEASE = timedelta(seconds=30)
"""How long a relay that is silent keeps a sink, beyond a delivery under way."""


class Relay:
    """Sends the event log to *sinks*, by name. *database* need not be durable: a position lost is an event repeated."""

    def __init__(
        self,
        database: Database,
        sinks: Mapping[str, SinkSettings],
        watcher: RelayObserver,
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
                SinkCursor(
                    database, name, start=sink.start, lease=lease + 3 * timedelta(seconds=sink.timeout), now=now
                ),
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

    def run(self, *, once: bool) -> list[RelayReport]:
        """Deliver; with *once* what there is now, else for ever.

        What ends the process, such as a signal, stops the workers: each finishes its event or, after some seconds,
        abandons it, to be sent again. Raises `DatabaseError` with *once*.
        """
        run_all([partial(worker.run, once=once) for worker in self._workers], self._stop)
        return [worker.report for worker in self._workers]


def chosen(sinks: Mapping[str, SinkSettings], names: Sequence[str]) -> dict[str, SinkSettings]:
    """Those of *sinks* that are called *names*, or all. Raises `SinkNotFound`."""
    for name in names:
        if name not in sinks:
            known = ", ".join(sinks) or "none"
            raise SinkNotFound(f"No sink {name!r} is configured.", hint=f"Configured are: {known}.")
    return {name: sink for name, sink in sinks.items() if not names or name in names}
