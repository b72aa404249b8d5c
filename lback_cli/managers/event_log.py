"""Reading, proving and erasing the event log. Writing it is part of every operation, in `Operation`."""

import contextlib
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.errors import BrokenEventLog, EventNotFound, LbackError, ValidationError
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.erasure import ERASURE, decoded, mentions_any, names_of_subject
from lback_cli.events.export import read_rows
from lback_cli.events.hash_chain import canonical
from lback_cli.events.kinds import ADMINISTRATIVE
from lback_cli.events.record import erasure_event
from lback_cli.events.summary import Summary
from lback_cli.events.verifier import VerificationResult, Verifier
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_by_identifier, not_found, parse_id
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User
from lback_cli.operations.attempts import AttemptState, aborts_transaction
from lback_cli.repositories.event_repository import ChainHead, EventQuery, EventRepository
from lback_cli.repositories.unit_of_work import UnitOfWork, reading, transaction_with_events
from lback_cli.signals import find_signal
from lback_cli.text.times import parse_moment, timestamp

_SCANNED = ("seq", "signal", "subject_id", "subject", "data")

POLL_SECONDS = 0.5
"""How often `EventLog.follow` looks for new events."""


class _Erased(NamedTuple):
    """The numbers of the events to erase: those of the person, and those of others that mention the person."""

    events: list[int]
    mentions: list[int]

    def followed_by(self, later: "_Erased") -> "_Erased":
        """Return the events of both."""
        return _Erased(self.events + later.events, self.mentions + later.mentions)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What `EventLog.erase_user` did.

    Attributes:
        user_id: The id of the user, if known.
        events: How many events of the user lost their personal data.
        mentions: How many events of others did, because they mentioned the user.
        scrubbed: False if a SQLite file could not be rewritten, because others were using it.
    """

    user_id: int | None
    events: int
    mentions: int
    scrubbed: bool = True


class EventLog:
    """The event log of one database."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services

    @contextlib.contextmanager
    def select(self, query: EventQuery) -> Iterator[Iterator[dict[str, Any]]]:
        """The events that *query* describes, as they come from the database, for as long as the block lasts."""
        with reading(self._database) as work:
            yield work.events.select(query)

    @contextlib.contextmanager
    def listing(self, query: EventQuery) -> Iterator["EventListing"]:
        """Yield the events that *query* describes, which are read while the block lasts."""
        with reading(self._database) as work:
            yield EventListing(query, work.events)

    def query(
        self,
        *,
        signals: Sequence[str] = (),
        user: str | None = None,
        actor: str | None = None,
        outcome: str | None = None,
        changed: str | None = None,
        group: str | None = None,
        invocation_id: str | None = None,
        operation_id: str | None = None,
        since: str | None = None,
        until: str | None = None,
        after: int | None = None,
        before: int | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> EventQuery:
        """Return the query for what a person asked for.

        *user* is a user name, an address or ``id:N``, and may be deleted. *since* and *until* are as for
        `parse_moment`. `EventQuery` explains the rest.

        Raises:
            UserNotFound: No event is about that user.
            SignalNotFound: No event has that name.
            UsageError: A time has another form.
        """
        for name in signals:
            if name not in ADMINISTRATIVE:
                find_signal(name)
        now = self._services.now()
        about = EventQuery() if user is None else self._about(user)
        return replace(
            about,
            signals=signals,
            actor=actor,
            outcome=outcome,
            changed=changed,
            group=group,
            invocation_id=invocation_id,
            operation_id=operation_id,
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

    def follow(self, query: EventQuery, *, tail: int = 0) -> Iterator[dict[str, Any]]:
        """Yield new events that match *query* as they are committed, by any process, without an end.

        Numbers are given in the order of commits, so no event appears before the last one seen.

        Args:
            query: The events. Without ``after`` they start at the end of the log.
            tail: How many of the last events to yield first, if the start is the end of the log.
        """
        with reading(self._database) as work:
            last = _head(work).seq if query.after is None else query.after
            past = replace(query, before=last + 1, newest_first=True, limit=tail)
            events = [] if query.after is not None or not tail else [*work.events.select(past)]
        yield from reversed(events)
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
        """The end of the log, to be kept elsewhere. Raises `BrokenEventLog` where the log has lost it."""
        with reading(self._database) as work:
            head = _head(work)
            return Checkpoint(head.seq, head.seq, head.hash, erased=work.events.count_erased(head.seq))

    def verify(self, checkpoint: Checkpoint | None = None) -> VerificationResult:
        """Prove the whole log, against *checkpoint* if there is one. Raises `BrokenEventLog`."""
        with reading(self._database) as work:
            return work.events.verify(checkpoint)

    def erase_user(self, identifier: str, users: UserManager) -> Erasure:
        """Delete the user, if still there, and blank the person's data in all past events, in one transaction.

        Blanked are the events about the user, and those about others that mention the user's names or addresses; mail
        that is still queued is dropped. What remains is when what was done by whom to which id. On SQLite the file is
        then rewritten, as it keeps what was deleted until the space is needed. Raises `UserNotFound` or what
        `UserManager.delete_user` raises.
        """
        with reading(self._database) as work:
            user_id = self._past_or_present(work, identifier)
            known = self._names(work, user_id, identifier)
            seen = _head(work).seq
            # Most of the work, before the lock that holds up everybody else.
            sequences = self._events_of(work, user_id, known, after=0)
        effects = AttemptState()

        def change() -> _Erased | LbackError:
            with transaction_with_events(self._database) as work:
                user = None if user_id is None else work.users.get(user_id, lock=True)
                names = self._names(work, user_id, identifier)
                try:
                    # An earlier attempt announced the deletion, and another process may have done it since.
                    if user_id is not None and (user is not None or effects.sent):
                        users.delete_user(user_id, session=work.session, effects=effects)
                except LbackError as error:
                    if aborts_transaction(error):
                        raise
                    # Nothing has changed but the log, and the event of this refusal must stay.
                    return error
                # From here on no process can add an event about the person.
                work.events.lock()
                if names == known:
                    erased = sequences.followed_by(self._events_of(work, user_id, names, after=seen))
                else:
                    erased = self._events_of(work, user_id, names, after=0)
                work.events.erase([*erased.events, *erased.mentions])
                work.mails.erase(user_id, names)
                if user_id is not None:
                    work.users.delete_leftovers(user_id)
                work.events.append([erasure_event(user_id, erased.events, erased.mentions)])
            return erased

        try:
            found = retried(change)
        except BaseException as error:
            effects.give_up(error)
            raise
        if isinstance(found, LbackError):
            raise found
        return Erasure(user_id, len(found.events), len(found.mentions), scrubbed=self._database.vacuum())

    def _about(self, identifier: str) -> EventQuery:
        with reading(self._database) as work:
            user_id = self._past_or_present(work, identifier)
        return EventQuery(subject=identifier) if user_id is None else EventQuery(subject_id=user_id)

    def _past_or_present(self, work: UnitOfWork, identifier: str) -> int | None:
        """Return the id of a user who is or was called *identifier*; None if only failed attempts name it."""
        user_id = parse_id(identifier)
        if user_id is not None:
            if work.users.get(user_id) or next(work.events.select(EventQuery(subject_id=user_id, limit=1)), None):
                return user_id
            raise not_found(identifier)
        if user := find_by_identifier(work.users, self._services, identifier):
            return user.id
        attempted = False
        for name in sorted(self._spellings(identifier)):
            for query in (EventQuery(subject=name, newest_first=True), EventQuery(naming=name, newest_first=True)):
                for event in work.events.select(query):
                    if event["subject_id"] is not None and _is_about(event, name):
                        return int(event["subject_id"])
                    attempted |= event["subject"] == identifier
        if attempted:
            return None
        raise not_found(identifier)

    def _names(self, work: UnitOfWork, user_id: int | None, identifier: str) -> set[str]:
        """All names and addresses that the user has or had, as far as is known, in lower case."""
        if user_id is None:
            return {name.lower() for name in self._spellings(identifier)}
        user = work.users.get(user_id)
        names = set() if user is None else self._current_names(user)
        for event in work.events.select(EventQuery(subject_id=user_id)):
            if event["data"] is not None:
                names |= names_of_subject(decoded(event["seq"], event["data"]), self._impersonal)
        return names

    def _events_of(self, work: UnitOfWork, user_id: int | None, names: set[str], *, after: int) -> _Erased:
        """Return the events after number *after*, not yet erased, that are about the user or mention one of *names*.

        Another user may have the same name at another time: where an event is about that one, it is no mention.
        """
        needles = [canonical(name)[1:-1] for name in names]
        found = _Erased([], [])
        for seq, signal, subject_id, subject, data in work.events.walk(_SCANNED, after=after):
            if data is None or signal == ERASURE:
                continue
            if user_id is not None and subject_id == user_id:
                found.events.append(seq)
                continue
            # What is not there as written is not there when read, and most of a large log need not be read.
            text = f"{subject} {data}".lower()
            if any(needle in text for needle in needles):
                arguments = decoded(seq, data)
                foreign = names
                if subject_id is not None:
                    foreign = names - names_of_subject(arguments, self._impersonal)
                if mentions_any(subject, arguments, foreign):
                    own = subject_id == user_id and subject is not None and subject.lower() in names
                    (found.events if own else found.mentions).append(seq)
        return found

    @cached_property
    def _impersonal(self) -> frozenset[str]:
        """The attributes whose values an erasure does not look for."""
        return frozenset(attribute.name for attribute in self._services.attributes if not attribute.personal)

    def _current_names(self, user: User) -> set[str]:
        values = {name: value for name, value in user.attributes.items() if name not in self._impersonal}
        return {value.lower() for value in (user.username, user.email, *values.values()) if isinstance(value, str)}

    def _spellings(self, identifier: str) -> set[str]:
        """*identifier* as it was typed, and as it is stored where it is a name or address at all."""
        canonical = self._services.canonical_email if "@" in identifier else self._services.canonical_username
        try:
            return {identifier, identifier.lower(), canonical(identifier)}
        except ValidationError:
            return {identifier, identifier.lower()}


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


def _head(work: UnitOfWork) -> ChainHead:
    head = work.events.head()
    if head is None:
        raise BrokenEventLog(1, "the head of the log, which counts all events, is missing.")
    return head


def _is_about(event: Mapping[str, Any], name: str) -> bool:
    """Return whether the user that *event* is about was called *name*, and did not only ask for that name."""
    return event["data"] is not None and name.lower() in names_of_subject(decoded(event["seq"], event["data"]))


def verify_lines(lines: Iterable[str], checkpoint: Checkpoint | None = None) -> VerificationResult:
    """Verify an exported log, against *checkpoint* if there is one.

    Raises:
        BrokenEventLog: The log was changed, or has no line. An empty file proves nothing.
    """
    verifier = Verifier(checkpoint)
    verifier.feed(read_rows(lines))
    verdict = verifier.finish()
    if verdict.events == 0:
        raise BrokenEventLog(1, "it is missing: there is nothing at all.")
    return verdict
