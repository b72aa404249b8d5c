"""Finding users and groups as they were at a moment, from their rows of today and the event log."""

import contextlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, Literal, TypeVar

from lback_cli.database.engine import Database
from lback_cli.errors import GroupNotFound, Refused, UserNotFound
from lback_cli.events.group_changes import GroupChanges, names_of_groups
from lback_cli.events.kinds import CREATIONS
from lback_cli.events.moment import Moment
from lback_cli.events.past import Change, KnownUser, PastUser, members
from lback_cli.events.past_groups import PastGroup, PastGroups
from lback_cli.managers.changes import attribute_values
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_by_identifier, group_name_variants, identifier_variants, parse_id
from lback_cli.repositories.change_reader import ChangeReader
from lback_cli.repositories.change_spool import ChangeSpool
from lback_cli.repositories.snapshot import Snapshot, snapshot
from lback_cli.repositories.user_query import UserQuery
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.escaping import safe
from lback_cli.text.times import timestamp

T = TypeVar("T")

_RECORDS_CHANGES = "0006"
"""The version of the tables since which every event says what changed, and groups have events."""

_PAGE = 500
"""Users whose events are read together."""

_RANGE = 4000
"""Users of a range whose changes are in memory at a time."""

_MANY = 2000
"""Users whose events are worth reading the whole log."""

_EVENTS_PER_LOOKUP = 100
"""Events that are read from the beginning to the end of the log in the time in which the events of a user are found."""


class Past:
    """The users and groups of one database at a moment.

    Args:
        database: The database.
        services: The dependencies of managers.
        moment: The moment. It means the state before the first event that is later.
    """

    def __init__(self, database: Database, services: Dependencies, moment: Moment) -> None:
        self._database = database
        self._services = services
        self._moment = moment

    def find_user(self, identifier: str) -> PastUser:
        """Return the user that a user name, an e-mail address or ``id:N`` meant, else the one that it means today.

        Raises:
            UserNotFound: There was none.
            Refused: The event log does not reach back to the moment.
        """
        with self._looking_back() as view:
            for user_id, is_sure in view.candidates(identifier):
                user = view.user(user_id)
                if user.is_erased and parse_id(identifier) is not None:
                    raise UserNotFound(f"The user id:{user_id} existed at {self._moment.text}, and was erased since.")
                if user.values is not None and (is_sure or view.has_name(user, identifier)):
                    return user
        raise UserNotFound(f"There was no user '{safe(identifier, limit=80)}' at {self._moment.text}.")

    @contextlib.contextmanager
    def select_users(self, query: UserQuery) -> Iterator["PastListing"]:
        """Yield the users that *query* describes; they are read while the block lasts.

        Raises:
            GroupNotFound: There was no such group.
            Refused: The event log does not reach back to the moment.
        """
        with snapshot(self._database) as found:
            yield past_listing(found, self._services, self._moment, query)

    def find_group(self, name: str) -> tuple[PastGroup, int, Sequence[int]]:
        """Return the group that was called *name*, the number of its members, and the ids of people erased since.

        Raises:
            GroupNotFound: There was none.
            Refused: The event log does not reach back to the moment.
        """
        with self._looking_back() as view:
            group = view.dated(view.group(name))
            listing = PastListing(view, UserQuery(groups=[group.name]))
            return group, sum(1 for _ in listing), listing.erased

    def list_groups(self) -> tuple[list[tuple[PastGroup, int]], Sequence[int]]:
        """Return the groups by name, each with the number of its members, and the ids of people erased since.

        Raises:
            Refused: The event log does not reach back to the moment.
        """
        with self._looking_back() as view:
            listing = PastListing(view, UserQuery())
            sizes = Counter(name for user in listing for name in (user.values or {}).get("groups", ()))
            return [(group, sizes[group.name]) for group in view.groups()], listing.erased

    @contextlib.contextmanager
    def _looking_back(self) -> Iterator["_View"]:
        with snapshot(self._database) as found:
            yield _View(found, self._services, self._moment)


def past_listing(found: Snapshot, services: Dependencies, moment: Moment, query: UserQuery) -> "PastListing":
    """Return the users of *found* that *query* describes, as they were at *moment*.

    Raises:
        GroupNotFound: There was no such group.
        Refused: The event log does not reach back to the moment.
    """
    return PastListing(_View(found, services, moment), query)


class PastListing:
    """Users to iterate over once.

    Attributes:
        since: The number of the first event after the moment.
        next_after: Then, where the next page starts, or None if there is none.
        erased: Then, the ids of the people who existed and were erased since.
    """

    def __init__(self, view: "_View", query: UserQuery) -> None:
        self._view = view
        self._query = query
        self._groups = [view.group(name) for name in query.groups]
        self.since = view.since
        self.next_after: str | int | None = None
        self.erased: list[int] = []

    @property
    def group_names(self) -> list[str]:
        """The names that the groups of the query had at the moment."""
        return [group.name for group in self._groups]

    def __iter__(self) -> Iterator[PastUser]:
        query = self._query
        left, last = query.limit, query.after
        with self._view.reading(self._size()):
            for user in self._sorted():
                if left == 0:
                    self.next_after = last
                    return
                yield user
                last = _key(user, query.sort)
                left = None if left is None else left - 1

    def _size(self) -> int:
        """Return how many users are read at most."""
        touched, _ = self._view.touched
        today = self._today()
        size = len(touched) + (0 if today is None else self._view.found.users.count(today))
        return size if self._query.limit is None or self._query.sort != "id" else min(self._query.limit, size)

    def _sorted(self) -> Iterator[PastUser]:
        query = self._query
        users = merge(self._unchanged(), self._changed(), key=lambda user: user.id, reverse=query.descending)
        if query.sort == "id":
            return users
        found = (user for user in users if _is_after(query, _key(user, query.sort)))
        return iter(sorted(found, key=lambda user: _key(user, query.sort), reverse=query.descending))

    def _unchanged(self) -> Iterator[PastUser]:
        """Yield the users whom no later event is about, and of whom the database therefore knows who matches."""
        query = self._today()
        if query is None:
            return
        later = set().union(*self._view.touched)
        rows = (user for user in self._view.found.users.select(query, logins=False) if user.id not in later)
        size = _PAGE if self._query.limit is None else min(_PAGE, self._query.limit + 1)
        for page in _pages(rows, size):
            yield from self._existing(self._view.users({user.id: user for user in page}))

    def _today(self) -> UserQuery | None:
        """Return the query that finds the users whom no later event is about; None if there are none."""
        names = [group.today for group in self._groups if group.today is not None]
        if len(names) < len(self._groups):
            return None
        after = self._query.after if self._query.sort == "id" else None
        return replace(self._query, limit=None, sort="id", after=after, groups=names)

    def _changed(self) -> Iterator[PastUser]:
        """Yield the users whom later events are about."""
        touched, _ = self._view.touched
        for page in _pages(sorted(touched, reverse=self._query.descending), _PAGE):
            rows = self._view.found.users.find_all(page, logins=False)
            for user in self._existing(self._view.users({user_id: rows.get(user_id) for user_id in page})):
                if self._matches(user):
                    yield user

    def _existing(self, users: Iterable[PastUser]) -> Iterator[PastUser]:
        for user in users:
            if user.is_erased:
                self.erased.append(user.id)
            if user.exists:
                yield user

    def _matches(self, user: PastUser) -> bool:
        query = self._query
        if query.sort == "id" and not _is_after(query, user.id):
            return False
        conditions = (query.searches, query.groups, query.attributes, query.created_before)
        if user.values is None:
            return not any(conditions) and query.is_active is None and query.is_email_verified is None
        values = user.values
        names = f"{values.get('username')}\n{values.get('email')}".lower()
        return (
            all(search.lower() in names for search in query.searches)
            and all(group.name in values["groups"] for group in self._groups)
            and (query.created_before is None or str(values.get("created_at")) < timestamp(query.created_before))
            and query.is_active in {None, values.get("is_active")}
            and query.is_email_verified in {None, values.get("is_email_verified")}
            and all(values.get(name) == value for name, value in query.attributes.items())
        )


class _View:
    """What one read-only transaction says about a moment.

    Attributes:
        since: The number of the first event after the moment.
    """

    def __init__(self, found: Snapshot, services: Dependencies, moment: Moment) -> None:
        self.found = found
        self._services = services
        self._moment = moment
        self.since, self._time = self._begin()
        changes = found.changes.of_groups()
        self._group_changes = GroupChanges(changes)
        self._later = [change for change in reversed(changes) if change.seq >= self.since]
        self._earlier = [change for change in changes if change.seq < self.since]
        self._changes: ChangeReader | ChangeSpool = found.changes

    @contextlib.contextmanager
    def reading(self, users: int) -> Iterator[None]:
        """Prepare to read that many *users* at most: if there are many, read the whole log once."""
        found = self.found
        if users < _MANY or users * _EVENTS_PER_LOOKUP < found.changes.last():
            yield
            return
        touched, _ = self.touched
        bounds = sorted({*found.users.every_nth_id(_RANGE), *sorted(touched)[_RANGE - 1 :: _RANGE]})
        self._changes = ChangeSpool(found.changes, bounds)
        with contextlib.closing(self._changes):
            yield

    def candidates(self, identifier: str) -> Iterator[tuple[int, bool]]:
        """Yield the ids of users who may have been called *identifier*, and whether the name need not be checked."""
        user_id = parse_id(identifier)
        if user_id is not None:
            yield user_id, True
            return
        holder = find_by_identifier(self.found.users, self._services, identifier)
        if holder is not None:
            yield holder.id, False
        field: Literal["username", "email"] = "email" if "@" in identifier else "username"
        for name in identifier_variants(self._services, identifier):
            for former in self.found.changes.formerly_called(field, name, self.since):
                yield former, False
        if holder is not None:
            yield holder.id, True

    def has_name(self, user: PastUser, identifier: str) -> bool:
        """Return whether *user* was called *identifier*."""
        names = identifier_variants(self._services, identifier)
        return user.values is not None and not {user.values.get("username"), user.values.get("email")}.isdisjoint(names)

    def user(self, user_id: int) -> PastUser:
        """Return the user with that id, who need not have existed."""
        (user,) = self.users({user_id: self.found.users.find_by_id(user_id)})
        return user

    def users(self, rows: Mapping[int, UserRecord | None]) -> Iterator[PastUser]:
        """Yield the users of *rows*, which are those of today by id."""
        changes = self._changes.of_users([*rows])
        for user_id, row in rows.items():
            user = PastUser(user_id, None if row is None else self._values(row))
            own = changes.get(user_id, [])
            names = names_of_groups(own) | ({*row.groups} if row is not None else set())
            events = sorted([*own, *self._group_changes.about(user_id, names)], key=attrgetter("seq"))
            start = bisect_left(events, self.since, key=attrgetter("seq"))
            for change in reversed(events[start:]):
                if not change.is_complete:
                    raise self._out_of_reach()
                user.take_back(change)
            known = KnownUser(user_id)
            for change in events[:start]:
                known.apply(change)
            if user.values is not None and not known.exists:
                created_at = user.values.get("created_at")
                if created_at is not None and created_at > timestamp(self._time):
                    user.values = None  # created later, and outside lback
            user.compare(known)
            yield user

    def group(self, name: str) -> PastGroup:
        """Return the group that was called *name*. Raises `GroupNotFound`."""
        for variant in group_name_variants(self._services, name):
            if variant in self._groups:
                return self._groups[variant]
        raise GroupNotFound(f"There was no group '{safe(name, limit=80)}' at {self._moment.text}.")

    def groups(self) -> list[PastGroup]:
        """Return all groups by name."""
        return [self.dated(group) for _, group in sorted(self._groups.items())]

    def dated(self, group: PastGroup) -> PastGroup:
        """Return *group* with the time at which it was created, if an event says it."""
        if group.created_at is None and group.created_by:
            group.created_at = self.found.changes.time_of(group.created_by)
        return group

    @cached_property
    def touched(self) -> tuple[set[int], set[int]]:
        """The ids of users whom later events are about: of those who may have existed, and of those who did not."""
        touched: set[int] = set()
        absent: set[int] = set()
        for change in self.found.changes.touched(self.since):
            if change.is_incomplete:
                raise self._out_of_reach()
            if change.user_id not in touched and change.user_id not in absent:
                (absent if change.signal in CREATIONS else touched).add(change.user_id)
        for group_change in self._later:
            for first, last in members(group_change.data or {}):
                touched.update(set(range(first, last + 1)) - absent)
        return touched, absent

    @cached_property
    def _groups(self) -> dict[str, PastGroup]:
        groups = PastGroups(
            PastGroup(group.id, group.name, group.description, timestamp(group.created_at), today=group.name)
            for group, _ in self.found.groups.all_with_sizes()
        )
        for change in self._later:
            groups.take_back(change)
        groups.compare(self._earlier)
        time = timestamp(self._time)
        return {
            name: group
            for name, group in groups.by_name.items()
            # A group without an event was created outside lback.
            if group.created_by or group.created_at is None or group.created_at <= time
        }

    def _values(self, row: UserRecord) -> dict[str, Any]:
        values = attribute_values(row, self._services.attributes)
        return values | {"groups": set(row.groups), "password": not is_unusable(row.password_hash)}

    def _begin(self) -> tuple[int, datetime]:
        """Return the number of the first event after the moment, and the time of the moment."""
        changes, moment, last = self.found.changes, self._moment, self.found.changes.last()
        if moment.event is not None:
            if moment.event > last:
                raise self._out_of_reach()
            since, text = moment.event + 1, changes.time_of(moment.event)
            time = datetime.min.replace(tzinfo=UTC) if text is None else datetime.fromisoformat(text)
        else:
            assert moment.time is not None, "it is a time or an event"
            if moment.time > self._services.now():
                raise self._out_of_reach()
            since, time = changes.first_after(timestamp(moment.time)) or last + 1, moment.time
        if any(map(_is_beginning, changes.of_tables(since))):
            raise self._out_of_reach()
        return since, time

    def _out_of_reach(self) -> Refused:
        changes = self.found.changes
        beginnings = [change.seq for change in changes.of_tables(0) if _is_beginning(change)]
        first = max(*beginnings, changes.last_incomplete(), 0)
        last = changes.last()
        start = f"event:{first} ({changes.time_of(first)})" if first else "the first event"
        return Refused(
            f"The event log does not say what was at {safe(self._moment.text, limit=40)}.",
            hint=f"It reaches from {start} to now (event:{last}).",
        )


def _is_beginning(change: Change) -> bool:
    """Return whether the log says what changed only from *change*, an adoption or an upgrade, on."""
    data = change.data
    return change.signal == "database_adopted" or data is None or data["from"] < _RECORDS_CHANGES


def _pages(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while page := list(islice(iterator, size)):
        yield page


def _key(user: PastUser, field: str) -> Any:
    return user.id if field == "id" else (user.values or {}).get(field) or ""


def _is_after(query: UserQuery, key: Any) -> bool:
    """Return whether a user with *key* comes after where *query* begins."""
    return query.after is None or (key < query.after if query.descending else key > query.after)
