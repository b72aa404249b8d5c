"""What undoing an event of a user does."""

from collections.abc import Iterator, Mapping
from typing import Any

from lback_cli.events.erasure import ERASURE
from lback_cli.events.past import Change, kind_of
from lback_cli.undo.state import State, UserState
from lback_cli.undo.verdicts import EventPlan, Part, Verdict, shown

_FLAG = "is_email_verified"
_OF_LOGINS = frozenset({"password", _FLAG})
"""What a user changes by setting a password or following a link."""

_LINKS = frozenset({"password_reset_successful", "user_email_verification_successful", "user_authenticated"})


_MAILS = frozenset({"password_reset_request_processed", "user_email_verification_initiated"})
"""The events of operations that only send mail."""


class UserEvents:
    """Plans how to undo events of users.

    Args:
        state: Users and groups.
        undone: The numbers of all events that are undone together.
        including_active: Whether users are deleted although they have logged in since.
    """

    def __init__(self, state: State, undone: frozenset[int], *, including_active: bool) -> None:
        self._state = state
        self._undone = undone
        self._including_active = including_active

    def plan(self, change: Change, *, import_start: int) -> EventPlan:
        """Return what undoing *change* does, and apply that to the state.

        Args:
            change: The event.
            import_start: The number of the first event of the import that it is part of; 0 if there is none.
        """
        user_id = change.subject_id or 0
        user = self._state.user(user_id)
        if user.login is None and (created := self._state.as_created(user, change)) is not None:
            return self._delete(EventPlan(change.seq, change.signal, user_id, created.username))
        data = change.data
        plan = EventPlan(change.seq, change.signal, user_id, _name_of(data))
        if data is None or change.signal == ERASURE:
            plan.parts.append(Part("user", "cannot", "undo", "the person was erased"))
            return plan
        changes = data.get("changes")
        if change.signal in _MAILS:
            plan.parts.append(Part("mail", "done", "mail", "was sent, and stays sent"))
            return plan
        if changes is None:
            plan.parts.append(Part("user", "cannot", "undo", "the event does not say what changed"))
            return plan
        match kind_of(change, changes):
            case "created":
                self._plan_deletion(plan, user, changes, import_start)
            case "deleted":
                self._plan_restoration(plan, user, changes)
            case "changed":
                self._plan_update(plan, user, changes, import_start)
        self._note(plan, changes)
        return plan

    def _note(self, plan: EventPlan, changes: Mapping[str, Any]) -> None:
        """Note what *plan* reverses, because the event may undo another one that is to be undone too."""
        groups = changes.get("groups", {"added": (), "removed": ()})
        match plan.action:
            case "update":
                names = (name for name in plan.data if not name.endswith("_groups"))
                added, removed = plan.data.get("add_groups", ()), plan.data.get("remove_groups", ())
                self._state.note_undo(plan.id or 0, plan.seq, names, added, removed)
            case "delete":
                self._state.note_undo(plan.id or 0, plan.seq, changes, removed=groups["added"])
            case "restore":
                self._state.note_undo(plan.id or 0, plan.seq, changes, added=plan.data["groups"])

    # A user who was created

    def _plan_deletion(self, plan: EventPlan, user: UserState, changes: Mapping[str, Any], import_start: int) -> None:
        undone = self._state.undoer(user, plan.seq, "username")
        if user.values is None or undone is not None:
            gone = undone or self._last(user, plan.seq, "username", deleted=True)
            plan.parts.append(Part("user", "done", "delete", "is deleted already", gone))
            return
        if (kept := self._active(user, import_start, "delete")) is not None:
            plan.parts.append(kept)
            return
        for name in self._differing(plan.seq, user.values, changes):
            by = self._last(user, plan.seq, name)
            if name == "password" and by is None:
                continue  # an undone deletion has lost it
            if self._including_active and name in _OF_LOGINS and by is not None and self._is_by_link(user, by):
                continue
            reason = f"{name} changed since" if by is not None else f"{name} changed outside lback"
            plan.parts.append(Part("user", "kept", "delete", reason, by))
            return
        self._delete(plan)

    def _delete(self, plan: EventPlan) -> EventPlan:
        plan.parts.append(Part("user", "reversed", "delete"))
        plan.action = "delete"
        self._state.set_user(plan.id or 0, None)
        return plan

    def _differing(self, seq: int, values: Mapping[str, Any], changes: Mapping[str, Any]) -> Iterator[str]:
        """Yield the names of what a user no longer has as it was created."""
        for name, change in changes.items():
            if name == "groups":
                groups = [self._state.group_since(group, seq) for group in change["added"]]
                if {group.id for group in groups if group is not None} != values["groups"] & self._state.groups.keys():
                    yield name
            elif name not in {"password", "created_at"} and values.get(name) != change["to"]:
                yield name
        if values["password"] != ("password" in changes):
            yield "password"

    def _active(self, user: UserState, import_start: int, change: str) -> Part | None:
        """Return that a user is kept who has logged in or set a password since the import, or None."""
        if not import_start or self._including_active:
            return None
        if user.login is not None:
            return Part("user", "kept", change, "has logged in since", user.login)
        for later in user.changes:
            if later.seq > import_start and later.seq not in self._undone and _sets_password(later):
                return Part("user", "kept", change, "has set a password since", later.seq)
        return None

    def _is_by_link(self, user: UserState, seq: int) -> bool:
        return any(change.seq == seq and change.signal in _LINKS for change in user.changes)

    # A user who was deleted

    def _plan_restoration(self, plan: EventPlan, user: UserState, changes: Mapping[str, Any]) -> None:
        if (undone := self._state.undoer(user, plan.seq, "username")) is not None:
            plan.parts.append(Part("user", "done", "restore", "is restored already", undone))
            return
        if user.values is not None:
            plan.parts.append(Part("user", "cannot", "restore", f"id:{plan.id} is another user now"))
            return
        values = {name: change["from"] for name, change in changes.items() if name not in {"groups", "password"}}
        for attribute, value in values.items():
            if value is not None and (holder := self._unique_holder(attribute, value, plan.id or 0)) is not None:
                plan.parts.append(Part("user", "cannot", "restore", f"{holder} has the {attribute} {value}"))
                return
        plan.parts.append(Part("user", "reversed", "restore"))
        groups: set[int] = set()
        for name in changes["groups"]["removed"]:
            group = self._state.group_since(name, plan.seq)
            if group is None:
                plan.parts.append(Part("groups", "cannot", f"+{name}", "the group is gone"))
            else:
                groups.add(group.id)
        kept_hash = None
        if "password" in changes:
            kept_hash = self._state.kept_hash(plan.id or 0, values["created_at"])
            if kept_hash is None:
                plan.parts.append(Part("password", "cannot", "password", "the hash is gone"))
        undeclared = {name for name, value in values.items() if value is not None and not self._can_set(name)}
        for name in sorted(undeclared):
            plan.parts.append(Part(name, "cannot", f"{name} → {values[name]}", "the attribute is not declared"))
        plan.action = "restore"
        names = [self._state.groups[group_id].name for group_id in sorted(groups)]
        plan.data = {"values": values, "groups": names, "password_hash": kept_hash}
        self._state.set_user(plan.id or 0, {**values, "groups": groups, "password": kept_hash is not None})

    # A user who was changed

    def _plan_update(self, plan: EventPlan, user: UserState, changes: Mapping[str, Any], import_start: int) -> None:
        if user.values is None:
            gone = self._last(user, plan.seq, "username", deleted=True)
            plan.parts += [Part("user", "kept", "update", "deleted since", gone)] if changes else []
            return
        if changes and (kept := self._active(user, import_start, "update")) is not None:
            plan.parts.append(kept)
            return
        groups = set(user.values["groups"])
        update: dict[str, Any] = {}
        for name, change in changes.items():
            if name == "groups":
                self._plan_memberships(plan, user, groups, change, update)
            elif name != "password" and (name != _FLAG or "email" not in changes):
                self._plan_value(plan, user, name, change, update)
        if changes.get("password", "rehashed") != "rehashed":
            plan.parts.append(Part("password", "cannot", "password", "a password cannot be taken back"))
        if "email" in update:
            self._plan_flag(plan, user, changes, update)
        elif "email" in changes and _FLAG in changes and user.values["email"] == changes["email"]["from"]:
            self._plan_flag_of_another_change(plan, user, changes[_FLAG]["from"])
        if update:
            plan.action, plan.data = "update", update
            new = {name: value for name, value in update.items() if not name.endswith("_groups")}
            self._state.set_user(plan.id or 0, {**user.values, **new, "groups": groups})

    def _plan_flag(self, plan: EventPlan, user: UserState, changes: Mapping[str, Any], update: dict[str, Any]) -> None:
        """Plan whether the earlier address is verified: it is if it was."""
        now, before = bool((user.values or {}).get(_FLAG)), self._was_verified(plan.seq, user, changes)
        update[_FLAG] = before
        if before != now:
            plan.parts.append(Part(_FLAG, "reversed", f"{_FLAG} {shown(now)} → {shown(before)}"))

    def _plan_flag_of_another_change(self, plan: EventPlan, user: UserState, before: bool) -> None:
        """Plan whether the address is verified, which another change has put back already."""
        now = bool((user.values or {}).get(_FLAG))
        if now != before and self._state.undoer(user, plan.seq, "email") is None:
            by = self._last(user, plan.seq, "email")
            phrase = f"{_FLAG} {shown(now)} → {shown(before)}"
            plan.parts.append(Part(_FLAG, "kept", phrase, "the address was put back without it", by))

    def _plan_value(
        self, plan: EventPlan, user: UserState, name: str, change: Mapping[str, Any], update: dict[str, Any]
    ) -> None:
        assert user.values is not None, "it exists"
        before, after, now = change["from"], change["to"], user.values.get(name)
        phrase = f"{name} {shown(after)} → {shown(before)}"
        if (undone := self._state.undoer(user, plan.seq, name)) is not None:
            plan.parts.append(Part(name, "done", phrase, "is undone already", undone))
        elif now == before:
            plan.parts.append(Part(name, "done", phrase, "is so already", self._last(user, plan.seq, name)))
        elif now != after:
            by = self._last(user, plan.seq, name)
            reason = "changed since" if by is not None else "changed outside lback"
            plan.parts.append(Part(name, "kept", phrase, reason, by))
        elif not self._can_set(name):
            plan.parts.append(Part(name, "cannot", phrase, "the attribute is not declared"))
        elif isinstance(before, str) and (holder := self._unique_holder(name, before, plan.id or 0)) is not None:
            plan.parts.append(Part(name, "cannot", phrase, f"{holder} has it now"))
        else:
            plan.parts.append(Part(name, "reversed", phrase))
            update[name] = before

    def _plan_memberships(
        self, plan: EventPlan, user: UserState, groups: set[int], change: Mapping[str, Any], update: dict[str, Any]
    ) -> None:
        for option, sign, name in (
            *(("remove_groups", "-", name) for name in change["added"]),
            *(("add_groups", "+", name) for name in change["removed"]),
        ):
            group = self._state.group_since(name, plan.seq)
            phrase = f"{sign}{name if group is None else group.name}"
            undone = self._state.undoer(user, plan.seq, "groups", group)
            if undone is not None:
                plan.parts.append(Part("groups", "done", phrase, "is undone already", undone))
            elif group is None:
                verdict: Verdict = "done" if sign == "-" else "cannot"
                plan.parts.append(Part("groups", verdict, phrase, "the group is gone"))
            elif (group.id in groups) == (sign == "+"):
                plan.parts.append(Part("groups", "done", phrase, "is so already"))
            else:
                plan.parts.append(Part("groups", "reversed", phrase))
                update.setdefault(option, []).append(group.name)
                groups.symmetric_difference_update({group.id})

    def _was_verified(self, seq: int, user: UserState, changes: Mapping[str, Any]) -> bool:
        """Return whether the address was verified before event *seq* changed the address."""
        if _FLAG in changes:
            return bool(changes[_FLAG]["from"])
        for later in user.changes:
            data = later.data or {}
            flag = data.get("changes", {}).get(_FLAG, {})
            if later.seq > seq and "from" in flag:
                return bool(flag["from"])
        return bool((user.values or {}).get(_FLAG))

    # What happened since

    def _last(self, user: UserState, seq: int, name: str, *, deleted: bool = False) -> int | None:
        """Return the number of the last event after *seq*, and not of this undo, that changed *name*.

        Args:
            user: The user.
            seq: The number of the event to undo.
            name: An attribute, ``groups`` or ``password``.
            deleted: Whether only deletions count.
        """
        for later in reversed(user.changes):
            if later.seq <= seq:
                return None
            data = later.data
            if data is None or later.seq in self._undone or data.get("undoes") in self._undone:
                continue
            changes = data.get("changes") or {}
            if name in changes and (not deleted or kind_of(later, changes) == "deleted"):
                return later.seq
        return None

    def _unique_holder(self, name: str, value: str, user_id: int) -> str | None:
        return self._state.holder(name, value, other_than=user_id) if self._state.is_unique(name) else None

    def _can_set(self, name: str) -> bool:
        return name == "created_at" or self._state.is_declared(name)


def _name_of(data: Mapping[str, Any] | None) -> str | None:
    if data is None:
        return None
    user = data.get("user") or {}
    name: str | None = user.get("username") or data.get("username")
    return name


def _sets_password(change: Change) -> bool:
    changes = (change.data or {}).get("changes") or {}
    return changes.get("password") in {"set", "changed"} and "created_at" not in changes
