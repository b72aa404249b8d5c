"""What one read-only transaction says about a moment."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import cached_property
from operator import attrgetter
from typing import Literal

from lback_cli.errors import GroupNotFound, Refused
from lback_cli.events.group_changes import GroupChanges, names_of_groups
from lback_cli.events.kinds import CREATIONS
from lback_cli.events.moment import Moment
from lback_cli.events.past import Change, KnownUser, PastUser, Values, members
from lback_cli.events.past_groups import PastGroup, PastGroups
from lback_cli.managers.changes import attribute_values
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_by_identifier, group_name_variants, identifier_variants, parse_id
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.escaping import safe
from lback_cli.text.times import timestamp

_RECORDS_CHANGES = "0006"
"""The version of the tables since which every event says what changed, and groups have events."""


class PastView:
    """What one read-only transaction says about a moment.

    Attributes:
        found: The state of the database.
        since: The number of the first event after the moment.
    """

    def __init__(self, found: Snapshot, services: Dependencies, moment: Moment) -> None:
        self.found = found
        self._services = services
        self._moment = moment
        self.since, time = self._begin()
        self._time = timestamp(time)
        changes = found.changes.of_groups()
        self._group_changes = GroupChanges(changes)
        self._later = [change for change in reversed(changes) if change.seq >= self.since]
        self._earlier = [change for change in changes if change.seq < self.since]

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
        row = self.found.users.find_by_id(user_id)
        changes = self.found.changes.of_users([user_id])
        return next(self.users({user_id: None if row is None else self._values(row)}, changes), PastUser(user_id, None))

    def users(self, rows: Mapping[int, Values | None], changes: Mapping[int, Sequence[Change]]) -> Iterator[PastUser]:
        """Yield the users of *rows*, but not those who begin after the moment.

        Args:
            rows: The values of today by id; None if there is no such user any more.
            changes: All events that say what changed of these users, by id and in the order of the log.

        Raises:
            Refused: An event does not say what it changed.
        """
        for user_id, values in rows.items():
            own, begin, after = changes.get(user_id, ()), 0, 0
            for number, change in enumerate(own):
                if change.signal in CREATIONS:
                    if change.seq >= self.since:
                        break
                    if change.is_beginning:
                        begin, after = number, change.seq
                elif change.seq >= self.since:
                    yield self._user(user_id, values, own[begin:], after)
                    break
            else:
                yield self._user(user_id, values, own[begin:], after)

    def _user(self, user_id: int, values: Values | None, own: Sequence[Change], after: int) -> PastUser:
        if after < self._group_changes.last:
            names = names_of_groups(own) | ({*values["groups"]} if values is not None else set())
            own = sorted([*own, *self._group_changes.about(user_id, names, after)], key=attrgetter("seq"))
        user, known = PastUser(user_id, values), KnownUser(user_id)
        for change in reversed(own):
            if change.seq < self.since:
                break
            if not change.is_complete:
                raise self.out_of_reach()
            user.take_back(change)
        for change in own:
            if change.seq >= self.since:
                break
            known.apply(change)
        if user.values is not None and not known.exists:
            created_at = user.values.get("created_at")
            if created_at is not None and created_at > self._time:
                user.values = None  # created later, and outside lback
        user.compare(known)
        return user

    def group(self, name: str) -> PastGroup:
        """Return the group that was called *name*. Raises `GroupNotFound`."""
        for variant in group_name_variants(self._services, name):
            if variant in self._groups:
                return self._groups[variant]
        raise GroupNotFound(
            f"There was no group '{safe(name, limit=80)}' {self._moment.phrase}.",
            hint="'lback group list' with the same --as-of shows the groups and their names at that time.",
        )

    def groups(self) -> list[PastGroup]:
        """Return all groups by name."""
        return [self.dated(group) for _, group in sorted(self._groups.items())]

    def dated(self, group: PastGroup) -> PastGroup:
        """Return *group* with the time at which it was created, if an event says it."""
        if group.created_at is None and group.created_by:
            group.created_at = self.found.changes.time_of(group.created_by)
        return group

    def members(self) -> set[int]:
        """Return the ids of the users who left a group with all others after the moment."""
        ranges = (part for change in self._later for part in members(change.data or {}))
        return {user_id for first, last in ranges for user_id in range(first, last + 1)}

    @cached_property
    def _groups(self) -> dict[str, PastGroup]:
        groups = PastGroups(
            PastGroup(group.id, group.name, group.description, timestamp(group.created_at), today=group.name)
            for group, _ in self.found.groups.all_with_sizes()
        )
        for change in self._later:
            groups.take_back(change)
        groups.compare(self._earlier)
        return {
            name: group
            for name, group in groups.by_name.items()
            # A group without an event was created outside lback.
            if group.created_by or group.created_at is None or group.created_at <= self._time
        }

    def _values(self, row: UserRecord) -> Values:
        values = attribute_values(row, self._services.attributes)
        return values | {"groups": frozenset(row.groups), "password": not is_unusable(row.password_hash)}

    def _begin(self) -> tuple[int, datetime]:
        """Return the number of the first event after the moment, and the time of the moment."""
        changes, moment, last = self.found.changes, self._moment, self.found.changes.last()
        if moment.event is not None:
            if moment.event > last:
                raise self.out_of_reach()
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
            raise self.out_of_reach()
        return since, time

    def out_of_reach(self) -> Refused:
        """Return the error of a moment at which an event does not say what it changed."""
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
