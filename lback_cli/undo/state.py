"""Users and groups as they are, and as they will be once some events are undone."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from lback_cli.events.hash_chain import canonical
from lback_cli.events.past import Change
from lback_cli.managers.changes import RegistrationChanges, attribute_values, kind_of
from lback_cli.managers.dependencies import Dependencies
from lback_cli.repositories.deleted_user_repository import KeptUser
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.repositories.user_query import UserQuery
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable
from lback_cli.text.times import timestamp

NEVER = 2**62
"""The number of events that are not written yet."""


_SECOND = len("2026-01-31T12:00:00")


class GroupChange(NamedTuple):
    """An event of a group: its number, its name and its data."""

    seq: int
    signal: str
    data: Mapping[str, Any]


@dataclass(slots=True)
class GroupState:
    """A group that exists."""

    id: int
    name: str
    description: str | None
    members: int = 0


@dataclass(slots=True)
class UserState:
    """A user.

    Attributes:
        stored: The user as stored; None if there is no such user.
        values: The values of attributes by name, with ``groups`` (a set of ids) and ``password`` (whether there is
            one), once the events so far are undone; None if there is no such user then.
        changes: All changes of the user, in the order of the log.
        is_as_stored: Whether nothing of the user has been undone so far.
        login: The first login since the import whose events are undone; None if there is none.
    """

    stored: UserRecord | None
    values: dict[str, Any] | None
    changes: Sequence[Change] = ()
    login: int | None = None
    is_as_stored: bool = True


@dataclass(slots=True)
class Names:
    """Unique values that undoing takes or frees, by attribute and value."""

    taken: dict[tuple[str, str], int] = field(default_factory=dict)
    freed: set[tuple[str, str]] = field(default_factory=set)


class State:
    """What one transaction reads, and what undoing changes of that.

    Args:
        found: The transaction.
        services: The dependencies of managers.
    """

    def __init__(self, found: Snapshot, services: Dependencies) -> None:
        self._found = found
        self._known = services.attributes
        self._now = services.now()
        self._keeps_deleted = services.settings.users.keep_deleted > timedelta()
        self._users: dict[int, UserState] = {}
        self._names = Names()
        self._created: RegistrationChanges | None = None
        self._unique = tuple(attribute.name for attribute in self._known if attribute.unique)
        self.groups = {group.id: GroupState(group.id, group.name, group.description) for group in found.groups.all()}
        self._by_name = {group.name: group for group in self.groups.values()}
        self._stored_ids = {name: group.id for name, group in self._by_name.items()}
        self._sized: set[int] = set()
        self.group_changes: list[GroupChange] = [
            GroupChange(change.seq, change.signal, data)
            for change in found.changes.of_groups()
            if (data := change.data) is not None
        ]

    # Users

    def load(self, ids: Collection[int], *, login_after: int = 0) -> None:
        """Read the users with these *ids*, and their first login after event *login_after* unless that is 0."""
        missing = [user_id for user_id in ids if user_id not in self._users]
        rows = self._found.users.find_all(missing)
        changes = self._found.changes.of_users(missing)
        logins = self._found.changes.first_logins(missing, login_after) if login_after else {}
        for user_id in missing:
            row = rows.get(user_id)
            values = None if row is None else self._values(row)
            self._users[user_id] = UserState(row, values, changes.get(user_id, ()), logins.get(user_id))

    def user(self, user_id: int) -> UserState:
        """Return the user with that id."""
        if user_id not in self._users:
            self.load([user_id])
        return self._users[user_id]

    def as_created(self, user: UserState, change: Change) -> UserRecord | None:
        """Return *user* as stored if *change*, the one event about it, says that it was created exactly so."""
        stored = user.stored
        if stored is None or not user.is_as_stored or len(user.changes) != 1 or change.signal != "user_registered":
            return None
        if self.group_changes and self.group_changes[-1].seq > change.seq:
            return None  # a name of a group may mean another one
        if self._created is None or self._created.created_at != stored.created_at:
            self._created = RegistrationChanges(self._known, stored.created_at)
        data = self._created.data(stored.id, stored.username, stored.email, kind_of(stored), stored.attributes)
        return stored if change.text == data else None

    def kept_hash(self, user_id: int, created_at: str) -> str | None:
        """Return the hash that is kept of the deleted user with that id and time of creation, if there is one.

        It is also kept of a user who still exists, and is deleted before by undoing a later event.
        """
        kept: KeptUser | UserRecord | None = self.user(user_id).stored if self._keeps_deleted else None
        if kept is None:
            kept = self._found.deleted_users.find_all([user_id], self._now).get(user_id)
        if kept is None or timestamp(kept.created_at)[:_SECOND] != created_at[:_SECOND]:
            return None
        return None if is_unusable(kept.password_hash) else kept.password_hash

    def drop(self, user_id: int) -> None:
        """Forget a user that no further event is about."""
        self._users.pop(user_id, None)

    def set_user(self, user_id: int, values: dict[str, Any] | None) -> None:
        """Replace the values of a user; None deletes the user."""
        user = self.user(user_id)
        for name in self._unique:
            before, after = (user.values or {}).get(name), (values or {}).get(name)
            if before != after:
                self._note(name, before, after, user_id)
        old: set[int] = set() if user.values is None else user.values["groups"]
        new: set[int] = set() if values is None else values["groups"]
        for group_id in (old ^ new) & self.groups.keys():
            self.size(group_id)
            self.groups[group_id].members += 1 if group_id in new else -1
        user.values, user.is_as_stored = values, False

    def holder(self, name: str, value: str, *, other_than: int) -> str | None:
        """Return who has the unique *value* of attribute *name* already, for a message; None if no other user does."""
        if (name, value) in self._names.taken:
            held = self._names.taken[name, value]
            return None if held == other_than else f"id:{held}"
        if (name, value) in self._names.freed:
            return None
        row = self._find(name, value)
        return None if row is None or row.id == other_than else row.username

    def is_declared(self, name: str) -> bool:
        """Return whether there is an attribute called *name* that can be changed."""
        return self._known.find(name) is not None

    def is_unique(self, name: str) -> bool:
        """Return whether no two users may have the same value of attribute *name*."""
        return name in self._unique

    def undoer(self, user: UserState, seq: int, name: str, group: GroupState | None = None) -> int | None:
        """Return the number of the event that undid what event *seq* did to *name*, and is not undone itself.

        Args:
            user: The user.
            seq: The number of the event.
            name: An attribute, or ``groups``.
            group: The one group that matters, if *name* is ``groups``.
        """
        undoers = self._undoers(user, seq, name, group)
        return next((undoer for undoer in undoers if undoer < NEVER), None)

    def _undoers(self, user: UserState, seq: int, name: str, group: GroupState | None) -> Iterator[int]:
        for change in user.changes:
            if not change.may_undo(seq):
                continue
            data = change.data or {}
            changes = data.get("changes") or {}
            if data.get("undoes") != seq or name not in changes:
                continue
            if group is not None and not self._concerns(changes["groups"], group, change.seq):
                continue
            if change.seq == NEVER or not any(self._undoers(user, change.seq, name, group)):
                yield change.seq

    def note_undo(
        self,
        user_id: int,
        undoes: int,
        names: Iterable[str],
        added: Sequence[str] = (),
        removed: Sequence[str] = (),
    ) -> None:
        """Note that event *undoes* is undone, as the event that will say so does.

        Args:
            user_id: The id of the user.
            undoes: The number of the event.
            names: The names of the attributes that change.
            added: The names of the groups that the user joins.
            removed: The names of the groups that the user leaves.
        """
        changes: dict[str, Any] = {name: {} for name in names if name != "groups"}
        if added or removed:
            changes["groups"] = {"added": [*added], "removed": [*removed]}
        text = canonical({"changes": changes, "undoes": undoes})
        user = self.user(user_id)
        user.changes = [*user.changes, Change(NEVER, "user_updated", user_id, text)]

    def _concerns(self, groups: Mapping[str, Any], group: GroupState, seq: int) -> bool:
        return any(self.group_since(name, seq) is group for name in (*groups["added"], *groups["removed"]))

    # Groups

    def group_named(self, name: str) -> GroupState | None:
        """Return the group that has that name."""
        return self._by_name.get(name)

    def group_since(self, name: str, seq: int) -> GroupState | None:
        """Return the group that was called *name* at event *seq*, whatever its name is; None if it is deleted."""
        now: str | None = name
        deletions: set[int] = set()
        first = bisect_right(self.group_changes, seq, key=attrgetter("seq"))
        for change in islice(self.group_changes, first, None):
            called = change.data["group"]["name"]
            match change.signal:
                case "group_deleted" if called == now:
                    now = None
                    deletions.add(change.seq)
                case "group_created" if change.data.get("undoes") in deletions:
                    now = called
                case "group_updated" if now is not None and _former_name(change) == now:
                    now = called
        return None if now is None else self.group_named(now)

    def group_undoer(self, seq: int) -> int | None:
        """Return the number of the event that undid event *seq* and is not undone itself."""
        return next((undoer for undoer in self._group_undoers(seq) if undoer < NEVER), None)

    def _group_undoers(self, seq: int) -> Iterator[int]:
        for change in self.group_changes:
            if change.data.get("undoes") != seq:
                continue
            if change.seq == NEVER or not any(self._group_undoers(change.seq)):
                yield change.seq

    def size(self, group_id: int) -> int:
        """Return how many members the group with that id has."""
        group = self.groups[group_id]
        if group_id not in self._sized:
            self._sized.add(group_id)
            group.members = self._found.groups.size(group_id)
        return group.members

    def add_group(self, name: str, description: str | None, undoes: int) -> GroupState:
        """Add a group that undoing creates."""
        group = GroupState(min(0, *self.groups) - 1 if self.groups else -1, name, description)
        self.groups[group.id] = self._by_name[name] = group
        self._sized.add(group.id)
        self._note_group("group_created", group, {"name": {"to": name}}, undoes)
        return group

    def rename_group(self, group: GroupState, name: str, undoes: int) -> None:
        """Rename a group."""
        before, group.name = group.name, name
        del self._by_name[before]
        self._by_name[name] = group
        self._note_group("group_updated", group, {"name": {"from": before, "to": name}}, undoes)

    def describe_group(self, group: GroupState, description: str | None, undoes: int) -> None:
        """Give a group another description."""
        before, group.description = group.description, description
        self._note_group("group_updated", group, {"description": {"from": before, "to": description}}, undoes)

    def remove_group(self, group: GroupState, undoes: int) -> None:
        """Remove a group."""
        del self.groups[group.id], self._by_name[group.name]
        self._note_group("group_deleted", group, {"name": {"from": group.name}}, undoes)

    def _note_group(self, signal: str, group: GroupState, changes: Mapping[str, Any], undoes: int) -> None:
        about = {"id": group.id, "name": group.name}
        self.group_changes.append(GroupChange(NEVER, signal, {"changes": changes, "group": about, "undoes": undoes}))

    def _values(self, row: UserRecord) -> dict[str, Any]:
        groups = {self._stored_ids[name] for name in row.groups if name in self._stored_ids}
        return {
            **attribute_values(row, self._known),
            "groups": groups,
            "password": not is_unusable(row.password_hash),
        }

    def _note(self, name: str, before: str | None, after: str | None, user_id: int) -> None:
        if before is not None:
            self._names.taken.pop((name, before), None)
            self._names.freed.add((name, before))
        if after is not None:
            self._names.taken[name, after] = user_id

    def _find(self, name: str, value: str) -> UserRecord | None:
        users = self._found.users
        if name == "username":
            return users.find_by_username(value)
        if name == "email":
            return users.find_by_email(value)
        return next(iter(users.select(UserQuery(attributes={name: value}, limit=1))), None)


def _former_name(change: GroupChange) -> str | None:
    former: str | None = change.data["changes"].get("name", {}).get("from")
    return former
