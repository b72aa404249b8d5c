"""A database with a log of events, and relays that work on it."""

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
from lback_cli.events.record import event_from_signal, fast_registered_event
from lback_cli.models import EVENTS, SinkState
from lback_cli.relay.admin import SinkAdmin
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.relay import Relay
from lback_cli.relay.worker import RelayReport
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import reading, transaction
from lback_cli.settings import DatabaseSettings, SinkSettings
from lback_cli.text.times import utc_now


@dataclass
class Told(RelayObserver):
    """Keeps what it is told, in order."""

    said: list[tuple[str, ...]] = field(default_factory=list)

    def failing(self, name: str, reason: str) -> None:
        self.said.append(("failing", name, reason))

    def recovered(self, name: str) -> None:
        self.said.append(("recovered", name))

    def waiting(self, name: str, holder: str) -> None:
        self.said.append(("waiting", name, holder))

    def given_up(self, name: str, what: str, reason: str) -> None:
        self.said.append(("given up", name, what, reason))


@dataclass
class Clock:
    """Tells the time, some seconds off."""

    ahead: float = 0.0

    def __call__(self) -> datetime:
        return utc_now() + timedelta(seconds=self.ahead)


class World:
    """One database; its event log is filled by `happen`."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.settings = DatabaseSettings(url=url, busy_timeout=60.0)
        self.database = Database(self.settings)
        self._databases = [self.database]
        self.clock = Clock()
        self.told = Told()

    @classmethod
    def at(cls, directory: Path) -> "World":
        """A new one, in a SQLite file."""
        world = cls(f"sqlite:///{directory}/users.db")
        Schema(world.database).initialize()
        return world

    def close(self) -> None:
        """Close all connections."""
        for database in self._databases:
            database.dispose()

    def happen(self, count: int) -> None:
        """Let so many users be registered, as far as the log can tell."""
        with transaction(self.database) as work:
            head = work.events.lock().seq
            work.events.append(
                [
                    fast_registered_event(f"{number:032x}", number, f"user{number}", f"user{number}@example.org")
                    for number in range(head + 1, head + count + 1)
                ]
            )

    def fail(self, name: str) -> None:
        """Let somebody fail to log in."""
        arguments = {"username": name, "reason": "user_not_found", "user": None, "exception": None}
        with transaction(self.database) as work:
            work.events.append(
                [event_from_signal("user_authentication_failed", "authenticate_user", "0" * 32, arguments)]
            )

    @property
    def ids(self) -> list[str]:
        """The ids of all events, in the order of the log."""
        with transaction(self.database) as work:
            return [event["id"] for event in work.events.select(EventQuery())]

    def sink(self, name: str) -> SinkState:
        with transaction(self.database) as work:
            return work.session.get_one(SinkState, name)

    def position(self, name: str) -> int:
        """The position of a sink, also of one that no relay has begun with."""
        with reading(self.database) as work:
            found = work.sinks.get(name)
            return 0 if found is None else found.position

    def event(self, seq: int) -> Row[Any]:
        with transaction(self.database) as work:
            return work.session.execute(select(EVENTS).where(EVENTS.c.seq == seq)).one()

    def ledger(self, sinks: Mapping[str, SinkSettings]) -> SinkAdmin:
        return SinkAdmin(self.database, sinks, self.clock)

    def relay(self, sinks: Mapping[str, SinkSettings], **options: Any) -> Relay:
        """A relay, with pauses as short as they get."""
        longest = options.pop("longest", timedelta(seconds=0.2))
        sinks = {name: replace(sink, longest_pause=longest) for name, sink in sinks.items()}
        database = Database(self.settings, durable=False)
        self._databases.append(database)
        return Relay(database, sinks, self.told, self.clock, **{"first_pause": 0.01, **options})

    def once(self, **sinks: SinkSettings) -> dict[str, RelayReport]:
        """Relay once; the report of each sink."""
        return {report.sink: report for report in self.relay(sinks).run(once=True)}

    def relaying(self, **sinks: SinkSettings) -> contextlib.AbstractContextManager[Relay]:
        """A relay that runs for as long as the block lasts."""
        return self.running(self.relay(sinks))

    @contextlib.contextmanager
    def running(self, relay: Relay) -> Iterator[Relay]:
        """*relay* in a thread, for as long as the block lasts."""
        thread = threading.Thread(target=relay.run, kwargs={"once": False})
        thread.start()
        try:
            yield relay
        finally:
            relay._stop.set()
            thread.join(20)
            assert not thread.is_alive()
