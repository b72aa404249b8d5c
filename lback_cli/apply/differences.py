"""What differs between the database and a desired state."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from lback_cli.apply.desired_state import DesiredGroup, DesiredState, DesiredUser
from lback_cli.apply.files import require_no_faults
from lback_cli.apply.nodes import Place, place_of
from lback_cli.database.engine import Database
from lback_cli.errors import UsageError
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_by_username, group_name_variants
from lback_cli.repositories.owner_repository import Kind
from lback_cli.repositories.snapshot import Snapshot, snapshot
from lback_cli.repositories.user_query import UserQuery
from lback_cli.repositories.user_reader import UserRecord

Action = Literal["create", "update", "delete"]


@dataclass(frozen=True, slots=True)
class Difference:
    """A user or group that is not as it should be.

    Attributes:
        kind: What it is.
        action: What makes it so.
        name: Its name.
        changes: What the action changes, as in the event.
        values: What the operation takes.
        id: The id, unless it is to be created.
        owner: Who will own what is created.
    """

    kind: Kind
    action: Action
    name: str
    changes: Mapping[str, Any]
    values: Mapping[str, Any]
    id: int | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Differences:
    """All differences, in the order in which they can be removed.

    Attributes:
        found: The differences.
        unchanged: How many users and groups are as they should be.
        leaving: How many active users would be deleted or deactivated.
        total: How many users there are.
    """

    found: list[Difference]
    unchanged: int
    leaving: int
    total: int


def find_differences(database: Database, services: Dependencies, state: DesiredState, *, prune: bool) -> Differences:
    """Compare *state* with the database; *prune* also deletes what the owners made and do not name any more.

    Raises:
        UsageError: A file to prune names no owner.
        InvalidFile: The files have faults, a user has a group that does not exist, or is new and has no address.
    """
    if prune and (unowned := [file for file, owner in state.owners.items() if owner is None]):
        raise UsageError(f"--prune: {unowned[0]} names no owner.", hint="Begin the file with 'owner: NAME'.")
    with snapshot(database) as found:
        return _Comparison(found, services, state).differences(prune=prune)


class _Comparison:
    """The comparison of one state with one snapshot."""

    def __init__(self, found: Snapshot, services: Dependencies, state: DesiredState) -> None:
        self._found = found
        self._services = services
        self._state = state
        self._groups = {group.name: group for group, _ in found.groups.all_with_sizes()}
        self._default = frozenset(group_name_variants(services, services.settings.users.default_group))
        self._users = found.users.find_by_usernames([user.username for user in state.users])
        self._leaving = 0
        self._places = {faults.file: faults for faults in state.faults}

    def differences(self, *, prune: bool) -> Differences:
        """Return the differences."""
        groups = [change for group in self._state.groups for change in self._of_group(group)]
        users = [change for user in self._state.users for change in self._of_user(user)]
        require_no_faults(self._state)
        differing = len(groups) + len(users)
        pruned = list(self._pruned()) if prune else []
        users.sort(key=lambda change: change.action == "delete")
        unchanged = len(self._state.groups) + len(self._state.users) - differing
        return Differences([*groups, *users, *pruned], unchanged, self._leaving, self._found.users.count(UserQuery()))

    def _of_group(self, group: DesiredGroup) -> Iterator[Difference]:
        stored = self._groups.get(group.name)
        if stored is None:
            changes = {"name": {"to": group.name}, "description": {"to": group.description or None}}
            values = {"description": group.description or None}
            yield Difference("group", "create", group.name, changes, values, owner=group.owner)
        elif group.description is not None and group.description != (stored.description or ""):
            changes = {"description": {"from": stored.description, "to": group.description or None}}
            yield Difference("group", "update", group.name, changes, {"description": group.description}, stored.id)

    def _of_user(self, user: DesiredUser) -> Iterator[Difference]:
        # The fallback finds names of an application that are spelled in another way.
        stored = self._users.get(user.username) or find_by_username(self._found.users, self._services, user.username)
        if not user.present:
            if stored is not None:
                yield self._deletion(stored)
            return
        self._check_groups(user)
        if stored is None:
            if user.email is None:
                if not user.is_faulty:
                    self._fault(user, user.place, f"{user.username} is new and needs an email.")
                return
            yield self._creation(user, user.email)
            return
        values, changes = self._update(user, stored)
        if values:
            self._leaving += stored.is_active and values.get("is_active") is False
            yield Difference("user", "update", stored.username, changes, values, stored.id)

    def _check_groups(self, user: DesiredUser) -> None:
        new = {group.name for group in self._state.groups}
        for name in user.groups or ():
            if name not in self._groups and name not in new and name not in self._default:
                self._fault(user, place_of(name), f"There is no group {name}. List it under groups to create it.")

    def _fault(self, user: DesiredUser, place: Place, message: str) -> None:
        self._places[user.file].add(place, message)

    def _creation(self, user: DesiredUser, email: str) -> Difference:
        groups = sorted(set(user.groups or ()) - self._default)
        attributes = {name: value for name, value in user.attributes.items() if value is not None}
        values = {
            "email": email,
            "groups": groups,
            "active": user.active is not False,
            "verified": user.verified is True,
            "attributes": attributes,
        }
        changes: dict[str, Any] = {"username": {"to": user.username}, "email": {"to": email}}
        changes |= {name: {"to": value} for name, value in attributes.items()}
        changes |= {"is_active": {"to": values["active"]}, "is_email_verified": {"to": values["verified"]}}
        changes["groups"] = {"added": groups, "removed": []}
        return Difference("user", "create", user.username, changes, values, owner=user.owner)

    def _update(self, user: DesiredUser, stored: UserRecord) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what `update_user` takes, and what it changes."""
        wanted: dict[str, tuple[Any, Any]] = {
            "email": (stored.email, user.email),
            "is_active": (stored.is_active, user.active),
            "is_email_verified": (stored.is_email_verified, user.verified),
        }
        values = {name: new for name, (old, new) in wanted.items() if new is not None and new != old}
        changes: dict[str, Any] = {name: {"from": wanted[name][0], "to": new} for name, new in values.items()}
        if "email" in values and user.verified is None and stored.is_email_verified:
            changes["is_email_verified"] = {"from": True, "to": False}
        if "email" in values and user.verified:
            values["is_email_verified"] = True
        for name, value in user.attributes.items():
            if value != stored.attributes.get(name):
                values[name] = value
                changes[name] = {"from": stored.attributes.get(name), "to": value}
        if user.groups is not None:
            wanted_groups, current = set(user.groups) - self._default, set(stored.groups) - self._default
            added, removed = sorted(wanted_groups - current), sorted(current - wanted_groups)
            values |= {"add_groups": added} if added else {}
            values |= {"remove_groups": removed} if removed else {}
            changes |= {"groups": {"added": added, "removed": removed}} if added or removed else {}
        return values, changes

    def _deletion(self, stored: UserRecord) -> Difference:
        self._leaving += 1
        changes = {"username": {"from": stored.username}, "email": {"from": stored.email}}
        return Difference("user", "delete", stored.username, changes, {}, stored.id)

    def _pruned(self) -> Iterator[Difference]:
        """Yield the users and then the groups that the owners made and that no file names any more."""
        owners = [owner for owner in dict.fromkeys(self._state.owners.values()) if owner is not None]
        named = {user.username for user in self._state.users}
        for owner in owners:
            for user_id, username in self._found.owners.owned(owner, "user").items():
                if username not in named and (stored := self._found.users.find_by_id(user_id)) is not None:
                    yield self._deletion(stored)
        named = {group.name for group in self._state.groups}
        for owner in owners:
            for group_id, name in self._found.owners.owned(owner, "group").items():
                if name not in named and name not in self._default:
                    yield Difference("group", "delete", name, {"name": {"from": name}}, {}, group_id)
