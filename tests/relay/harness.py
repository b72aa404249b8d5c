"""A database with an event log, and relays on it."""

import contextlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, select

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.events.record import event_from_signal, registered_event
from lback_cli.models import SinkState
from lback_cli.models.tables import EVENTS
from lback_cli.relay.admin import SinkAdmin
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.relay import Relay
from lback_cli.relay.worker import RelayReport
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import reading, transaction
from lback_cli.settings import DatabaseSettings, SinkSettings
from lback_cli.text.times import utc_now


@dataclass
class RecordingObserver(RelayObserver):
    """Records the reports of relays, in order."""

    reports: list[tuple[str, ...]] = field(default_factory=list)

    def failing(self, name: str, reason: str) -> None:
        self.reports.append(("failing", name, reason))

    def recovered(self, name: str) -> None:
        self.reports.append(("recovered", name))

    def waiting(self, name: str, holder: str) -> None:
        self.reports.append(("waiting", name, holder))

    def sent(self, name: str, item: str) -> None:
        self.reports.append(("sent", name, item))

    def deferred(self, name: str, item: str, reason: str, retry_at: datetime) -> None:  # noqa: ARG002 - it varies
        self.reports.append(("deferred", name, item, reason))

    def dead_lettered(self, name: str, item: str, reason: str) -> None:
        self.reports.append(("dead letter", name, item, reason))


@dataclass
class Clock:
    """A clock that is some seconds ahead."""

    ahead: float = 0.0

    def __call__(self) -> datetime:
        return utc_now() + timedelta(seconds=self.ahead)


class World:
    """One database, with helpers to fill its event log and to relay it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.settings = DatabaseSettings(url=url, busy_timeout=60.0)
        self.database = Database(self.settings)
        self._databases = [self.database]
        self.clock = Clock()
        self.observer = RecordingObserver()

    @classmethod
    def at(cls, directory: Path) -> "World":
        """Return a world with a new SQLite file in *directory*."""
        world = cls(f"sqlite:///{directory}/users.db")
        Schema(world.database).initialize()
        return world

    def close(self) -> None:
        """Close all connections."""
        for database in self._databases:
            database.dispose()

    def add_events(self, count: int) -> None:
        """Add *count* events of registrations to the log."""
        with transaction(self.database) as work:
            head = work.events.lock().seq
            work.events.append(
                [
                    registered_event(f"{number:032x}", number, f"user{number}", _registered(number))
                    for number in range(head + 1, head + count + 1)
                ]
            )

    def add_mixed_events(self, count: int) -> None:
        """Add *count* events to the log, of which a third are failed logins."""
        for number in range(count // 3):
            self.fail(f"nobody{number}")
            self.add_events(2)
        self.add_events(count % 3)

    def fail(self, name: str) -> None:
        """Add the event of a failed login to the log."""
        arguments = {"username": name, "reason": "user_not_found", "user": None, "exception": None}
        with transaction(self.database) as work:
            work.events.append(
                [event_from_signal("user_authentication_failed", "authenticate_user", "0" * 32, arguments)]
            )

    @property
    def ids(self) -> list[str]:
        """Return the ids of all events, in the order of the log."""
        return [*self.events().values()]

    def events(self, signals: tuple[str, ...] = ()) -> dict[int, str]:
        """Return the ids of the events of *signals*, or of all, by their numbers and in the order of the log."""
        with transaction(self.database) as work:
            return {event["seq"]: event["id"] for event in work.events.select(EventQuery(signals))}

    def sink(self, name: str) -> SinkState:
        with transaction(self.database) as work:
            return work.session.get_one(SinkState, name)

    def position(self, name: str) -> int:
        """Return the position of a sink, 0 if no relay has served it."""
        with reading(self.database) as work:
            found = work.sinks.get(name)
            return 0 if found is None else found.position

    def event(self, seq: int) -> Row[Any]:
        with transaction(self.database) as work:
            return work.session.execute(select(EVENTS).where(EVENTS.c.seq == seq)).one()

    def admin(self, sinks: Mapping[str, SinkSettings]) -> SinkAdmin:
        return SinkAdmin(self.database, sinks, self.clock)

    def relay(self, sinks: Mapping[str, SinkSettings], **options: Any) -> Relay:
        """Return a relay with short delays."""
        max_backoff = options.pop("max_backoff", timedelta(seconds=0.2))
        sinks = {name: replace(sink, max_backoff=max_backoff) for name, sink in sinks.items()}
        database = Database(self.settings, durable=False)
        self._databases.append(database)
        return Relay(database, sinks, self.observer, self.clock, **{"initial_backoff": 0.01, **options})

    def once(self, **sinks: SinkSettings) -> dict[str, RelayReport]:
        """Relay once, and return the report of each sink."""
        return {report.sink: report for report in self.relay(sinks).run(once=True)}

    def relaying(self, **sinks: SinkSettings) -> contextlib.AbstractContextManager[Relay]:
        """Run a relay while the block lasts."""
        return self.running(self.relay(sinks))

    @contextlib.contextmanager
    def running(self, relay: Relay) -> Iterator[Relay]:
        """Run *relay* in a thread while the block lasts."""
        thread = threading.Thread(target=relay.run, kwargs={"once": False})
        thread.start()
        try:
            yield relay
        finally:
            relay._stop.set()
            thread.join(20)
            assert not thread.is_alive()


def _registered(number: int) -> str:
    """Return the canonical data of the registration of user *number*."""
    user = f'"email":"user{number}@example.org","id":{number},"username":"user{number}"'
    return f'{{"changes":{{}},"user":{{{user}}}}}'
