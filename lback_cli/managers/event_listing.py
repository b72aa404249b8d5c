"""A page of the event log, and where the next one starts."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from lback_cli.repositories.event_repository import EventQuery, EventRepository


class EventListing:
    """Events to iterate over once.

    Attributes:
        next_before: Then, where the next page of the listing starts, or None if there is none.
    """

    def __init__(self, query: EventQuery, events: EventRepository) -> None:
        self._query = query
        self._events = events
        self.next_before: int | None = None

    def __iter__(self) -> Iterator[dict[str, Any]]:
        limit = self._query.limit
        # One more than asked for shows whether there are more.
        query = self._query if limit is None else replace(self._query, limit=limit + 1)
        last: int | None = None
        for number, event in enumerate(self._events.select(query)):
            if number == limit:
                self.next_before = last
                return
            yield event
            last = event["seq"]

    def count(self) -> int | None:
        """Return how many events there are in all, whatever the limit is; None if all would have to be read."""
        return self._events.count(self._query)
