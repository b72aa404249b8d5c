"""Reading, verifying and erasing the event log. `Operation` writes it, as a part of every operation."""

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.errors import BrokenEventLog, EventNotFound, LbackError, ValidationError
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.erasure import ERASURE, decoded, mentions_any, names_of_subject
from lback_cli.events.grants import GroupTimeline
from lback_cli.events.hash_chain import canonical
from lback_cli.events.kinds import ADMINISTRATIVE
from lback_cli.events.record import erasure_event
from lback_cli.events.summary import By, Summary
from lback_cli.events.verifier import VerificationResult
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.event_listing import EventListing
from lback_cli.managers.event_words import check_changed, check_outcome, group_query
from lback_cli.managers.log_memory import LogMemory, LostLog
from lback_cli.managers.user_lookup import find_by_identifier, find_id, not_found
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import User
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.failures import aborts_transaction
from lback_cli.repositories.event_repository import ChainHead, EventQuery
from lback_cli.repositories.snapshot import snapshot
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
        mentions: How many events about others lost theirs, because they mentioned the user.
        scrubbed: False if a SQLite file could not be rewritten, because other processes were using it.
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
        """Yield the events that *query* describes; they are read while the block lasts."""
        with reading(self._database) as work:
            yield work.events.select(query)

    @contextlib.contextmanager
    def listing(self, query: EventQuery) -> Iterator[EventListing]:
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
        """Return the query for the values that a person typed.

        *user* is a user name, an address or ``id:N``; the user may be deleted. *since* and *until* are texts that
        `parse_moment` reads. `EventQuery` explains the other arguments.

        Raises:
            UserNotFound: No event is about that user.
            SignalNotFound: No event has that name.
            GroupNotFound: There is no such group, and never was one.
            UsageError: *since* or *until* is not a time, or no event has that *outcome* or *changed* that field.
        """
        for name in signals:
            if name not in ADMINISTRATIVE:
                find_signal(name)
        of_group = self._check_words(outcome, changed, group)
        now = self._services.now()
        about = EventQuery() if user is None else self._about(user)
        return replace(
            about,
            signals=signals,
            actor=actor,
            outcome=outcome,
            changed=changed,
            groups=of_group.groups,
            other_names=of_group.other_names,
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
        """Return the event with that number. Raises `EventNotFound`."""
        with reading(self._database) as work:
            found = next(work.events.select(EventQuery(after=seq - 1, before=seq + 1, limit=1)), None)
        if found is None:
            raise EventNotFound(f"There is no event {seq}.", hint="'lback events list' shows the newest.")
        return found

    def group_timeline(self) -> GroupTimeline:
        """Return which group a name meant at which event."""
        with snapshot(self._database) as found:
            return GroupTimeline(found.changes.of_groups())

    def follow(self, query: EventQuery, *, tail: int = 0) -> Iterator[dict[str, Any]]:
        """Yield new events that match *query* as they are committed, by any process, without an end.

        Numbers follow the order of commits, so a new event always has a higher number than those already seen.

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

    def summary(self, since: str, by: By = "day") -> Summary:
        """Return the counts from *since*, a text that `parse_moment` reads, for each *by*. Raises `UsageError`."""
        first = timestamp(parse_moment(since, self._services.now()))
        with reading(self._database) as work:
            return Summary(work.events.count_by_time(first, "hour" if by == "hour" else "day"), by)

    def checkpoint(self) -> Checkpoint:
        """Return a checkpoint of the end of the log. Raises `BrokenEventLog` if the head of the chain is missing."""
        with reading(self._database) as work:
            head = _head(work)
            return Checkpoint(head.seq, head.seq, head.hash, erased=work.events.count_erased(head.seq))

    def verify(self, checkpoint: Checkpoint | None = None) -> VerificationResult:
        """Verify the whole log, and compare it with *checkpoint* and with what this machine remembers of it.

        Raises:
            BrokenEventLog: The log was changed, or lost.
            ConfigurationError: What this machine remembers cannot be read.
        """
        with reading(self._database) as work:
            verdict = work.events.verify(checkpoint)
            if verdict.events == 0 and work.users.last_id():
                raise BrokenEventLog(1, "it is missing: there are users, but not one event.")
        if (lost := self.check_memory()) is not None:
            raise BrokenEventLog(lost.seq, lost.message, hint=lost.hint)
        return verdict

    def check_memory(self) -> LostLog | None:
        """Return how much less the log has than this machine remembers, or remember how far it has come."""
        return LogMemory(self._database).check()

    def name_of(self, identifier: str) -> str:
        """Return the user name of the user who is or was called *identifier*, or ``id:N`` if it is erased.

        Raises:
            UserNotFound: There is no such user, and no event about one.
        """
        with reading(self._database) as work:
            user_id = self._past_or_present(work, identifier)
            if user_id is None:
                return identifier
            if (user := work.users.get(user_id)) is not None:
                return user.username
            last = next(work.events.select(EventQuery(subject_id=user_id, newest_first=True, limit=1)), None)
        return f"id:{user_id}" if last is None or last["subject"] is None else str(last["subject"])

    def erase_user(self, identifier: str, users: UserManager) -> Erasure:
        """Delete the user, if the account still exists, and erase the person's data from all past events.

        Events about the user are erased, and events about others that mention the user's names or addresses; queued
        mail is deleted. An erased event still has its time, signal, outcome and actor, and the id of the user. All of
        this is one transaction. Then a SQLite file is rewritten, because it keeps deleted data until the space is
        needed.

        Raises:
            UserNotFound: There is no such user, and no event about one.
            LbackError: What `UserManager.delete_user` raises.
        """

        def look() -> tuple[int | None, set[str], int, _Erased]:
            with reading(self._database) as work:
                user_id = self._past_or_present(work, identifier)
                names = self._names(work, user_id, identifier)
                return user_id, names, _head(work).seq, self._events_of(work, user_id, names, after=0)

        # Most of the work is done before the lock, for which all other writers wait.
        user_id, known, seen, sequences = retried(look)
        effects = AttemptState()

        def change() -> _Erased | LbackError:
            with transaction_with_events(self._database) as work:
                user = None if user_id is None else work.users.get(user_id, lock=True)
                names = self._names(work, user_id, identifier)
                try:
                    # If an earlier attempt announced the deletion, it must end, even if the user is gone by now.
                    if user_id is not None and (user is not None or effects.sent):
                        users.delete_user(user_id, session=work.session, effects=effects)
                except LbackError as error:
                    if aborts_transaction(error):
                        raise
                    # Only the log has changed, and the event of this refusal must be committed.
                    return error
                # From here on no process can add an event about the person.
                work.events.lock()
                if names == known:
                    erased = sequences.followed_by(self._events_of(work, user_id, names, after=seen))
                else:
                    erased = self._events_of(work, user_id, names, after=0)
                sequences_erased = [*erased.events, *erased.mentions]
                work.events.erase(sequences_erased)
                work.sinks.erase_answers(sequences_erased)
                work.mails.erase(user_id, names)
                if user_id is not None:
                    work.users.delete_leftovers(user_id)
                    work.deleted_users.forget([user_id])
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

    def _check_words(self, outcome: str | None, changed: str | None, group: str | None) -> EventQuery:
        """Raise an error for a word that selects nothing because it is misspelt, and return the query for the group."""
        if outcome is None and changed is None and group is None:
            return EventQuery()
        with snapshot(self._database) as found:
            if outcome is not None:
                check_outcome(found, outcome)
            if changed is not None:
                check_changed(found, changed, self._services.attributes)
            return EventQuery() if group is None else group_query(found, self._services, group)

    def _about(self, identifier: str) -> EventQuery:
        with reading(self._database) as work:
            user_id = self._past_or_present(work, identifier)
        return EventQuery(subject=identifier) if user_id is None else EventQuery(subject_id=user_id)

    def _past_or_present(self, work: UnitOfWork, identifier: str) -> int | None:
        """Return the id of a user who is or was called *identifier*; None if only failed attempts name it."""
        user_id = find_id(work.users, identifier)
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
        """Return all names and addresses that the user has or had, as far as they are known, in lower case."""
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

        An event about another user, who had the same name at another time, does not mention this one by it.
        """
        needles = [canonical(name)[1:-1] for name in names]
        found = _Erased([], [])
        for seq, signal, subject_id, subject, data in work.events.walk(_SCANNED, after=after):
            if data is None or signal == ERASURE:
                continue
            if user_id is not None and subject_id == user_id:
                found.events.append(seq)
                continue
            # Decoding JSON is slow, and an event whose text does not contain a name cannot mention it.
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
        """Return *identifier* as it was typed, in lower case, and in the form in which a name or address is stored."""
        canonical = self._services.canonical_email if "@" in identifier else self._services.canonical_username
        try:
            return {identifier, identifier.lower(), canonical(identifier)}
        except ValidationError:
            return {identifier, identifier.lower()}


def _head(work: UnitOfWork) -> ChainHead:
    head = work.events.head()
    if head is None:
        raise BrokenEventLog(1, "the head of the log, which counts all events, is missing.")
    return head


def _is_about(event: Mapping[str, Any], name: str) -> bool:
    """Return whether the user that *event* is about was called *name*, and did not only request that name."""
    return event["data"] is not None and name.lower() in names_of_subject(decoded(event["seq"], event["data"]))
