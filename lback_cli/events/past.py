"""What users were at a moment, from what they are and from what events say.

Events after the moment are taken back, newest first (`PastUser`). The events before it say the same another way
(`KnownUser`). Where the two differ, or an event does not continue the one before, the user was changed outside lback.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from lback_cli.errors import BrokenEventLog
from lback_cli.events.erasure import ERASURE, decoded, parse_ranges
from lback_cli.events.kinds import CREATIONS, DELETIONS

OUTSIDE = "changed outside lback"
DELETED_OUTSIDE = "deleted outside lback"

WHOLE = "user"
"""The mark of a user as a whole."""

_FLAG, _PASSWORD, _GROUPS, _CREATED_AT = "is_email_verified", "password", "groups", "created_at"
Values = dict[str, Any]
"""The values of a user's attributes by name, with ``created_at``, ``groups`` (a frozen set) and ``password`` (whether
there is one).
"""

_SECOND = len("2026-01-31T12:00:00")
_DECODER = json.JSONDecoder()

CHANGES = '{"changes":'
"""How the data begins of an event that says what changed. Canonical JSON puts the changes first."""

_AFFECTED: Mapping[str, tuple[str, ...]] = {
    "user_email_verification_successful": (_FLAG,),
    "password_reset_successful": (_FLAG, _PASSWORD),
}
"""What an erased event may have changed, if it is not an update."""


def says_changes(signal: str, text: str | None) -> bool:
    """Return whether an event with this data says what changed, or did before it was erased; old ones do not."""
    return text is None or text.startswith(CHANGES) or signal == ERASURE


@dataclass(slots=True)
class Change:
    """An event that may have changed users or a group; *text* is its data as stored, None if it is erased."""

    seq: int
    signal: str
    subject_id: int | None
    text: str | None
    _data: dict[str, Any] | None = field(default=None, init=False, repr=False, compare=False)
    _changes: dict[str, Any] | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def data(self) -> dict[str, Any] | None:
        """The data of the event, which is not to be changed. Raises `BrokenEventLog`."""
        if self._data is None and self.text is not None:
            self._data = decoded(self.seq, self.text)
        return self._data

    @property
    def changes(self) -> dict[str, Any]:
        """What changed, without the rest of the data; nothing if the event does not say it. Raises `BrokenEventLog`."""
        if self._changes is None:
            self._changes = self._read_changes()
        return self._changes

    def _read_changes(self) -> dict[str, Any]:
        if self.text is None or not self.text.startswith(CHANGES):
            return {}
        try:
            changes, _ = _DECODER.raw_decode(self.text, len(CHANGES))
        except (ValueError, RecursionError) as error:
            raise BrokenEventLog(self.seq, "its data is damaged.") from error
        if not isinstance(changes, dict):
            raise BrokenEventLog(self.seq, "its data is damaged.")
        return changes

    @property
    def is_empty(self) -> bool:
        """Whether the event says that nothing changed."""
        return self.text is not None and self.text.startswith(CHANGES + "{}") and '"members":' not in self.text

    @property
    def is_complete(self) -> bool:
        """Whether the event says what changed, as `says_changes` has it."""
        return says_changes(self.signal, self.text)

    @property
    def is_beginning(self) -> bool:
        """Whether a user begins with the event, so that no earlier one matters."""
        return self.signal in CREATIONS and kind_of(self, self.changes) == "created"

    def may_undo(self, seq: int) -> bool:
        """Return whether the event may say that it undoes event *seq*; only its data is sure."""
        return self.text is not None and f'"undoes":{seq}' in self.text


Kind = Literal["created", "changed", "deleted"]


def kind_of(change: Change, changes: Mapping[str, Any]) -> Kind:
    """Return what *change*, with these *changes*, did to its user."""
    name = changes.get("username")
    if name is None and changes:
        return "changed"
    if name is None:
        return "created" if change.signal in CREATIONS else "deleted" if change.signal in DELETIONS else "changed"
    return "created" if "from" not in name else "deleted" if "to" not in name else "changed"


def members(data: Mapping[str, Any]) -> list[tuple[int, int]]:
    """Return the ids of the users who left the group of an event, as ranges."""
    return parse_ranges(data.get("members", {}).get("ids", ""))


class PastUser:
    """A user whose events are taken back, newest first.

    Attributes:
        id: The id.
        values: The values; None if there is no such user.
        is_changed: Whether an event was taken back.
        is_erased: Whether the user existed, and was erased later.
        marks: What is doubtful, by attribute, and why.
    """

    __slots__ = ("_erased_events", "_was_created", "id", "is_changed", "is_erased", "marks", "values")

    def __init__(self, user_id: int, today: Values | None) -> None:
        """Begin with the values of *today*, which change from now on. None means that there is no such user."""
        self.id = user_id
        self.values = today
        self.is_changed = False
        self.is_erased = False
        self.marks: dict[str, str] = {}
        self._erased_events: dict[str, int] = {}
        self._was_created = False

    @property
    def exists(self) -> bool:
        """Whether there is such a user."""
        return self.is_erased or self.values is not None

    def take_back(self, change: Change) -> None:
        """Go back to before *change*: an event of this user, or of a group."""
        self.is_changed = True
        if change.subject_id is None:
            self._take_back_group(change.signal, change.data or {})
        elif change.text is None:
            self._take_back_erased(change)
        elif change.signal != ERASURE:
            changes = change.changes
            match kind_of(change, changes):
                case "created":
                    self._begin(None)
                case "deleted":
                    values = {name: part["from"] for name, part in changes.items() if name not in {_GROUPS, _PASSWORD}}
                    groups = frozenset(changes[_GROUPS]["removed"])
                    self._begin(values | {_GROUPS: groups, _PASSWORD: _PASSWORD in changes})
                case "changed":
                    self._take_back_values(changes)

    def compare(self, known: "KnownUser") -> None:
        """Mark what differs from what the events before the moment say, and take over what only they say."""
        if self.values is None:
            if self.is_erased or self._was_created or not known.exists:
                return
            self._begin({_GROUPS: frozenset()})
            self.marks[WHOLE] = DELETED_OUTSIDE
        assert self.values is not None, "it exists"
        is_doubtful = self._erased_events or WHOLE in self.marks
        agrees = not is_doubtful and known.values.items() <= self.values.items()  # of most users, and found fast
        for name, value in () if agrees else known.values.items():
            if name in self._erased_events or self._lacks(name):
                self.values[name] = value
                self._erased_events.pop(name, None)
            else:
                self._mark_unless(name, _equal(name, self.values.get(name), value))
        self._compare_groups(known)
        for name, seq in self._erased_events.items():
            self.marks[name] = f"event {seq} was erased"

    def _begin(self, values: Values | None) -> None:
        """Continue with another person who had the id, or with no user."""
        self.values, self.is_erased, self._was_created = values, False, values is None
        self.marks, self._erased_events = {}, {}

    def _take_back_values(self, changes: Mapping[str, Any]) -> None:
        if not changes or self.is_erased:
            return
        if self.values is None:
            self._begin({_GROUPS: frozenset()})
            self.marks[WHOLE] = DELETED_OUTSIDE
        assert self.values is not None, "it exists"
        for name, change in changes.items():
            if name == _GROUPS:
                self._take_back_memberships(change["added"], change["removed"])
                continue
            before, after = (
                (change != "set", change != "removed") if name == _PASSWORD else (change["from"], change["to"])
            )
            if self._erased_events.pop(name, None) is None and not self._lacks(name):
                self._mark_unless(name, _equal(name, self.values.get(name), after))
            self.values[name] = before

    def _take_back_memberships(self, added: list[str], removed: list[str]) -> None:
        assert self.values is not None, "it exists"
        groups: frozenset[str] = self.values[_GROUPS]
        if WHOLE not in self.marks and _GROUPS not in self._erased_events:
            self._mark_unless(_GROUPS, groups.issuperset(added) and groups.isdisjoint(removed))
        self.values[_GROUPS] = groups.difference(added).union(removed)

    def _take_back_erased(self, change: Change) -> None:
        if change.signal in CREATIONS:
            self._begin(None)
        elif change.signal in DELETIONS:
            self._begin(None)
            self.is_erased, self._was_created = True, False
        elif self.values is not None:
            for name in _AFFECTED.get(change.signal, self.values if change.signal == "user_updated" else ()):
                if name != _CREATED_AT:
                    self._erased_events[name] = change.seq

    def _take_back_group(self, signal: str, data: Mapping[str, Any]) -> None:
        if self.values is None or not data:
            return
        groups: frozenset[str] = self.values[_GROUPS]
        renamed, name = data["changes"].get("name", {}), data["group"]["name"]
        if signal == "group_created":
            self._mark_unless(_GROUPS, name not in groups)
            groups -= {name}
        elif signal == "group_updated" and renamed and name in groups:
            groups = groups - {name} | {renamed["from"]}
        if _is_member(self.id, data):
            groups |= {name}
        self.values[_GROUPS] = groups

    def _compare_groups(self, known: "KnownUser") -> None:
        assert self.values is not None, "it exists"
        groups: frozenset[str] = self.values[_GROUPS]
        joined = frozenset(name for name, is_member in known.memberships.items() if is_member)
        if _GROUPS in self._erased_events or WHOLE in self.marks:
            if known.is_complete:
                self.values[_GROUPS] = joined
                self._erased_events.pop(_GROUPS, None)
        elif known.is_complete:
            self._mark_unless(_GROUPS, groups == joined)
        else:
            self._mark_unless(_GROUPS, groups & known.memberships.keys() == joined)

    def _lacks(self, name: str) -> bool:
        """Return whether nothing is known of this value, because the user was deleted outside lback."""
        return WHOLE in self.marks and self.values is not None and name not in self.values

    def _mark_unless(self, name: str, is_continued: bool) -> None:
        if not is_continued:
            self.marks.setdefault(name, OUTSIDE)


class KnownUser:
    """What the events up to a moment, applied in their order, say about one user.

    Attributes:
        values: The values that are known, by name.
        memberships: Whether the user is a member, by the names of groups.
        is_complete: Whether the user is in no other group.
        exists: Whether the user was created and not deleted.
    """

    __slots__ = ("_id", "exists", "is_complete", "memberships", "values")

    def __init__(self, user_id: int) -> None:
        self._id = user_id
        self._forget()

    def apply(self, change: Change) -> None:
        """Apply *change*: an event of this user, or of a group."""
        if change.subject_id is None:
            self._apply_group(change.signal, change.data or {})
        elif change.text is None:
            self._apply_erased(change.signal)
        elif change.signal != ERASURE and change.is_complete:
            self._apply_changes(kind_of(change, change.changes), change.changes)
        elif change.signal != ERASURE:
            self._forget()  # an event of a version that recorded no changes

    def _forget(self, *, exists: bool = False) -> None:
        self.values: dict[str, Any] = {}
        self.memberships: dict[str, bool] = {}
        self.is_complete = False
        self.exists = exists

    def _apply_changes(self, kind: Kind, changes: Mapping[str, Any]) -> None:
        if kind == "deleted":
            self._forget()
            return
        if kind == "created":
            self._forget(exists=True)
            self.is_complete = True
            self.values[_PASSWORD] = False
        for name, change in changes.items():
            if name == _GROUPS:
                self.memberships |= dict.fromkeys(change["added"], True) | dict.fromkeys(change["removed"], False)
            elif name == _PASSWORD:
                self.values[name] = change != "removed"
            else:
                self.values[name] = change["to"]

    def _apply_erased(self, signal: str) -> None:
        if signal in {"user_updated", *CREATIONS, *DELETIONS}:
            self._forget()
        for name in _AFFECTED.get(signal, ()):
            self.values.pop(name, None)

    def _apply_group(self, signal: str, data: Mapping[str, Any]) -> None:
        if not data:
            return
        renamed, name = data["changes"].get("name", {}), data["group"]["name"]
        if signal == "group_updated" and renamed:
            was_member = self.memberships.pop(renamed["from"], None)
            if was_member is not None:
                self.memberships[name] = was_member
        elif signal != "group_updated" or _is_member(self._id, data):
            self.memberships[name] = False


def _is_member(user_id: int, data: Mapping[str, Any]) -> bool:
    return any(first <= user_id <= last for first, last in members(data))


def _equal(name: str, one: Any, other: Any) -> bool:
    """Return whether two values are the same. An application's column may store fewer digits of a second."""
    if name == _CREATED_AT:
        return str(one)[:_SECOND] == str(other)[:_SECOND]
    return bool(one == other)
