"""Reading, proving and erasing the event log. Writing it is part of every operation, in `Operation`."""

import contextlib
import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from lback_cli.database.engine import Database
from lback_cli.errors import EventNotFound
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.erasure import ERASURE, format_ranges, mentions, names_in
from lback_cli.events.export import read_rows
from lback_cli.events.record import event_of
from lback_cli.events.summary import Summary
from lback_cli.events.verifier import COLUMNS, Verdict, Verifier
from lback_cli.managers.lookup import find_by_login, not_found, parse_id
from lback_cli.managers.services import Services
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.work import Work, reading, transaction
from lback_cli.signals import find_signal
from lback_cli.times import parse_moment, timestamp

POLL_SECONDS = 0.5
"""How often `EventLog.follow` looks for new events."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What `EventLog.erase_user` did: the user's id, if known, and how many events lost their personal data."""

    user_id: int | None
    events: int


class EventLog:
    """The event log of one database."""

    def __init__(self, database: Database, services: Services) -> None:
        self._database = database
        self._services = services

    @contextlib.contextmanager
    def select(self, query: EventQuery) -> Iterator[Iterator[dict[str, Any]]]:
        """The events that *query* describes, as they come from the database, for as long as the block lasts."""
        with reading(self._database) as work:
            yield work.events.select(query)

    def query(
        self,
        *,
        signal: str | None = None,
        user: str | None = None,
        actor: str | None = None,
        since: str | None = None,
        until: str | None = None,
        after: int | None = None,
        before: int | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> EventQuery:
        """The query for what a person asked for.

        *user* is a user name, an address or ``id:N``, also of a user who is no more; *since* and *until* are as for
        `parse_moment`. Raises `UserNotFound`, `SignalNotFound` or `UsageError`.
        """
        if signal is not None and signal != ERASURE:
            find_signal(signal)
        now = self._services.now()
        about = EventQuery() if user is None else self._about(user)
        return replace(
            about,
            signal=signal,
            actor=actor,
            since=None if since is None else timestamp(parse_moment(since, now)),
            until=None if until is None else timestamp(parse_moment(until, now)),
            after=after,
            before=before,
            newest_first=newest_first,
            limit=limit,
        )

    def find(self, seq: int) -> dict[str, Any]:
        """The event with that number. Raises `EventNotFound`."""
        with reading(self._database) as work:
            found = next(work.events.select(EventQuery(after=seq - 1, before=seq + 1, limit=1)), None)
        if found is None:
            raise EventNotFound(f"There is no event {seq}.", hint="'lback events list' shows the newest.")
        return found

    def follow(self, query: EventQuery) -> Iterator[dict[str, Any]]:
        """New events that *query* describes as they are committed, by whatever process, without an end.

        Since numbers are given in the order of commits, none can appear behind the last one seen.
        """
        with reading(self._database) as work:
            last = work.events.head().seq if query.after is None else query.after
        while True:
            with reading(self._database) as work:
                for event in work.events.select(replace(query, after=last)):
                    yield event
                    last = event["seq"]
            time.sleep(POLL_SECONDS)

    def summary(self, since: str) -> Summary:
        """Counts per day from *since*, as for `parse_moment`, on. Raises `UsageError`."""
        with reading(self._database) as work:
            return Summary(work.events.count_by_day(timestamp(parse_moment(since, self._services.now()))))

    def checkpoint(self) -> Checkpoint:
        """The end of the log, to be kept elsewhere."""
        with reading(self._database) as work:
            head = work.events.head()
        return Checkpoint(head.seq, head.seq, head.hash)

    def verify(self, checkpoint: Checkpoint | None = None) -> Verdict:
        """Prove the whole log, against *checkpoint* if there is one. Raises `BrokenEventLog`."""
        verifier = Verifier(checkpoint)
        with reading(self._database) as work:
            head = work.events.head()
            verifier.feed(work.events.walk(COLUMNS))
        return verifier.finish((head.seq, head.hash))

    def erase_user(self, identifier: str, users: UserManager) -> Erasure:
        """Delete the user, if still there, and blank the person's data in all past events, in one transaction.

        Blanked are the events about the user, and those about others that mention the user's names or addresses. What
        remains is when what was done by whom to which id. Raises `UserNotFound` or what `UserManager.delete_user`
        raises.
        """
        with transaction(self._database) as work:
            user_id = self._past_or_present(work, identifier)
            user = None if user_id is None else work.users.get(user_id)
            names = {identifier.lower()} if user_id is None else set[str]()
            if user is not None:
                names |= {user.username.lower(), user.email.lower()}
                users.delete_user(user.id, session=work.session)
            sequences = _events_of(work, user_id, names)
            work.events.erase(sequences)
            data = {"user_id": user_id, "events": format_ranges(sequences)}
            work.events.append([event_of(ERASURE, "erase_user", uuid4().hex, data)])
        return Erasure(user_id, len(sequences))

    def _about(self, identifier: str) -> EventQuery:
        with reading(self._database) as work:
            user_id = self._past_or_present(work, identifier)
        return EventQuery(subject=identifier) if user_id is None else EventQuery(subject_id=user_id)

    def _past_or_present(self, work: Work, identifier: str) -> int | None:
        """The id of a user who is, or was, called *identifier*; None for one that only failed attempts tell of."""
        user_id = parse_id(identifier)
        if user_id is None and (user := find_by_login(work.users, self._services, identifier)):
            return user.id
        query = EventQuery(subject_id=user_id, subject=identifier if user_id is None else None, newest_first=True)
        events = work.events.select(query)
        known = next((event for event in events if event["subject_id"] is not None), None)
        if known is not None:
            return int(known["subject_id"])
        if user_id is not None and work.users.get(user_id) is not None:
            return user_id
        if user_id is None and next(work.events.select(EventQuery(subject=identifier, limit=1)), None):
            return None
        raise not_found(identifier)


def verify_lines(lines: Iterable[str], checkpoint: Checkpoint | None = None) -> Verdict:
    """Prove an exported log, against *checkpoint* if there is one. Raises `BrokenEventLog`."""
    verifier = Verifier(checkpoint)
    verifier.feed(read_rows(lines))
    return verifier.finish()


def _events_of(work: Work, user_id: int | None, names: set[str]) -> list[int]:
    """The numbers of all events, not yet erased, that are about the user or mention one of the user's names."""
    if user_id is not None:
        for event in work.events.select(EventQuery(subject_id=user_id)):
            if event["data"] is not None:
                names |= names_in(json.loads(event["data"]))
    return [
        event["seq"]
        for event in work.events.select(EventQuery())
        if event["data"] is not None
        and event["signal"] != ERASURE
        and (
            (user_id is not None and event["subject_id"] == user_id)
            or (event["subject"] or "").lower() in names
            or mentions(json.loads(event["data"]), names)
        )
    ]
