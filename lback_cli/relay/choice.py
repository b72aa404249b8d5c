"""Which events a sink gets."""

from dataclasses import dataclass

from lback_cli.errors import ConfigurationError
from lback_cli.events.hash_chain import canonical
from lback_cli.events.kinds import ADMINISTRATIVE
from lback_cli.repositories.event_repository import EventQuery, EventRepository
from lback_cli.settings import SinkSettings
from lback_cli.signals import CATALOGUE

ERASURE = "user_erased"
"""The event that every sink gets, because a consumer has to erase what it has stored about that user."""

_RECORDED = frozenset({"success", "failure"})
"""The phases of the signals that leave an event."""


@dataclass(frozen=True, slots=True)
class EventChoice:
    """The events of these *signals* about these *groups*; of all if there are none.

    The events that a sink gets have numbers without a gap, so that a consumer notices a loss.
    """

    signals: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, settings: SinkSettings) -> "EventChoice":
        """Return the choice of the sink *name*.

        Raises:
            ConfigurationError: If it names no event of the log.
        """
        known = {*ADMINISTRATIVE, *(signal for signal, spec in CATALOGUE.items() if spec.phase in _RECORDED)}
        for signal in settings.signals:
            if signal not in known:
                raise ConfigurationError(
                    f"relay.{name}.signals: there are no events of {signal!r} in the log.",
                    hint="'lback signals list' and docs/event-log.md list them.",
                )
        return cls(tuple(sorted({*settings.signals})), tuple(sorted({*settings.groups})))

    @property
    def text(self) -> str | None:
        """The choice as it is stored, or None if it is every event."""
        return (
            canonical({"groups": [*self.groups], "signals": [*self.signals]}) if self.signals or self.groups else None
        )

    def count(self, events: EventRepository, *, after: int = 0, before: int | None = None) -> int:
        """Return how many chosen events there are with numbers between *after* and *before*."""
        query = self.query(after=after, before=before)
        counted = events.count(query)
        return sum(1 for _ in events.select(query)) if counted is None else counted

    def query(self, *, after: int, before: int | None = None, limit: int | None = None) -> EventQuery:
        """Return the query for the chosen events with numbers between *after* and *before*."""
        always = (ERASURE,) if self.signals or self.groups else ()
        return EventQuery(self.signals, groups=self.groups, always=always, after=after, before=before, limit=limit)


ALL_EVENTS = EventChoice()
"""The choice of a sink that gets every event."""
