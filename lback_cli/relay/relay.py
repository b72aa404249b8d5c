"""Delivery to all sinks at once, each in its own thread, so that none waits for another."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from lback_cli.database.engine import Database
from lback_cli.errors import ConfigurationError, DatabaseError, SinkNotFound
from lback_cli.relay.choice import EventChoice
from lback_cli.relay.cursor import SinkCursor
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.thread_runner import run_all
from lback_cli.relay.worker import RelayReport, Worker
from lback_cli.settings import SinkSettings

INITIAL_BACKOFF = 0.5
"""Seconds to wait after the first failure in a row."""

LEASE = timedelta(seconds=30)
"""How long a relay holds a sink without a sign of life, beyond the delivery under way."""


class Relay:
    """Sends the event log to sinks."""

    def __init__(
        self,
        database: Database,
        sinks: Mapping[str, SinkSettings],
        observer: RelayObserver,
        now: Callable[[], datetime],
        *,
        lease: timedelta = LEASE,
        initial_backoff: float = INITIAL_BACKOFF,
    ) -> None:
        """Build all sinks, without connecting to any.

        Args:
            database: The log and the positions. It need not be durable: a lost position only repeats events.
            sinks: The settings of each sink, by name.
            observer: Receives reports about failures and dead letters.
            now: The clock.
            lease: How long a sink is held without a sign of life, beyond the delivery under way.
            initial_backoff: Seconds to wait after the first failure in a row.

        Raises:
            ConfigurationError: If there are no sinks, or the settings of one cannot be used.
        """
        if not sinks:
            raise ConfigurationError(
                "No sink is configured.", hint="Add a section [relay.NAME] with a url; see docs/relay.md."
            )
        self._stop = threading.Event()
        self._workers = []
        for name, sink in sinks.items():
            choice = EventChoice.of(name, sink)
            held = lease + 3 * timedelta(seconds=sink.timeout)
            self._workers.append(
                Worker(
                    database,
                    SinkCursor(database, name, start=sink.start, lease=held, now=now, choice=choice),
                    build_sink(name, sink),
                    observer,
                    settings=sink,
                    choice=choice,
                    initial_backoff=initial_backoff,
                    now=now,
                    stop=self._stop,
                )
            )

    def run(self, *, once: bool) -> list[RelayReport]:
        """Deliver until interrupted; with *once*, until each sink has all events or fails.

        An exception in the main thread, such as `KeyboardInterrupt`, stops the workers: each finishes its event or,
        after some seconds, abandons it, to be sent again.

        Raises:
            DatabaseError: With *once*, after the other sinks are done.
        """
        errors: list[DatabaseError] = []

        def work(worker: Worker) -> None:
            try:
                worker.run(once=once)
            except DatabaseError as error:
                # It may be about one damaged event, which other sinks do not get.
                errors.append(error)

        run_all([partial(work, worker) for worker in self._workers], self._stop)
        if errors:
            raise errors[0]
        return [worker.report for worker in self._workers]


def select_sinks(sinks: Mapping[str, SinkSettings], names: Sequence[str]) -> dict[str, SinkSettings]:
    """Return the *sinks* with these *names*, or all if there are none.

    Raises:
        SinkNotFound: If no sink has one of the names.
    """
    for name in names:
        if name not in sinks:
            known = ", ".join(sinks) or "none"
            raise SinkNotFound(f"No sink {name!r} is configured.", hint=f"Configured sinks: {known}.")
    return {name: sink for name, sink in sinks.items() if not names or name in names}
