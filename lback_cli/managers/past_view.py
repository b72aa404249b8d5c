"""What one read-only transaction says about a moment."""

import contextlib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, Literal

from lback_cli.errors import GroupNotFound, Refused
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
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.escaping import safe
from lback_cli.text.times import timestamp

_RECORDS_CHANGES = "0006"
"""The version of the tables since which every event says what changed, and groups have events."""

_RANGE = 4000
"""Users of a range whose changes are in memory at a time."""

_MANY = 2000
"""Users whose events are worth reading the whole log."""

_EVENTS_PER_LOOKUP = 100
"""Events that are read from the beginning to the end of the log in the time in which the events of a user are found."""


class PastView:
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
        raise GroupNotFound(f"There was no group '{safe(name, limit=80)}' {self._moment.phrase}.")

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
                raise Refused(
                    f"{safe(moment.text, limit=40)} is in the future. A date means its end.",
                    hint="To see how it is now, name no moment.",
                )
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
            f"The event log does not say what was {self._moment.phrase}.",
            hint=f"It reaches from {start} to now (event:{last}).",
        )


def _is_beginning(change: Change) -> bool:
    """Return whether the log says what changed only from *change*, an adoption or an upgrade, on."""
    data = change.data
    return change.signal == "database_adopted" or data is None or data["from"] < _RECORDS_CHANGES
