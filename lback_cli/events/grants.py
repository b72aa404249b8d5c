"""Since when users are in their groups, and who added them, by what events say."""

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any, NamedTuple

from lback_cli.errors import BrokenEventLog
from lback_cli.events.erasure import decoded
from lback_cli.events.kinds import CREATIONS, DELETIONS
from lback_cli.events.past import Change

ENDLESS = 2**62
"""The number of an event after all others."""


_SECOND = len("2026-01-31T12:00:00")

# In canonical JSON, the changes come first, and text has no quotes without a backslash.
_CHANGES, _GROUPS = '{"changes":{', '"groups":{"added":['
_VALUE = len('"groups":')
_value_at = json.JSONDecoder().raw_decode


class Grant(NamedTuple):
    """The event that made a user a member of a group; *since* is its time in RFC 3339, to the second."""

    seq: int
    since: str
    actor: str


class MembershipEvent(NamedTuple):
    """An event that may have changed the groups of a user; *text* is its data as stored, None if it is erased."""

    seq: int
    time: str
    actor: str
    signal: str
    subject_id: int
    text: str | None


class NamePeriod(NamedTuple):
    """A name that a group had, from event *first* until the event before *end*."""

    name: str
    first: int
    end: int


class GroupTimeline:
    """Which group a name meant at which event. A name may be given to another group after a deletion or a rename."""

    def __init__(self, changes: Iterable[Change]) -> None:
        """Read the *changes* of groups, in the order of the log. Those that are damaged are left out."""
        self._spans: dict[str, list[tuple[int, int]]] = {}
        self._created: set[int] = set()
        self._count = 0
        for change in changes:
            data = _readable(change.seq, change.text)
            if data is not None and "group" in data:
                with suppress(LookupError, TypeError, AttributeError):
                    self._apply(change.seq, change.signal, data)
        self._now: dict[str, int | str] = {name: spans[-1][1] or name for name, spans in self._spans.items()}
        # Most names meant one group at every event.
        self._always = {
            name: spans[0][1] for name, spans in self._spans.items() if len(spans) == 1 and spans[0][1] in self._created
        }

    def group(self, name: str, seq: int) -> int | str:
        """Return what identifies the group that was called *name* at event *seq*: a number, or else the name."""
        if always := self._always.get(name):
            return always
        spans = self._spans.get(name)
        if spans is None:
            return name
        position = bisect_right(spans, (seq, self._count))
        if position and spans[position - 1][1]:
            return spans[position - 1][1]
        if position < len(spans) and spans[position][1] in self._created:
            # The event of a group that is made on demand may follow the event of its first member.
            return spans[position][1]
        return name

    def now(self, name: str) -> int | str:
        """Return what identifies the group that is called *name* after all these changes."""
        return self._now.get(name, name)

    def present_name(self, name: str, seq: int) -> str | None:
        """Return the present name of the group that was called *name* at event *seq*; None if there is none."""
        number = self.group(name, seq)
        return next((now for now, spans in self._spans.items() if spans[-1][1] == number), None)

    def other_names(self, name: str) -> list[NamePeriod]:
        """Return the other names of the group that is called *name*, or was last."""
        number = next((number for _, number in reversed(self._spans.get(name, [])) if number), None)
        return [
            NamePeriod(other, first, end)
            for other, spans in self._spans.items()
            for (first, found), (end, _) in pairwise([*spans, (ENDLESS, 0)])
            if other != name and found == number
        ]

    def _apply(self, seq: int, signal: str, data: Mapping[str, Any]) -> None:
        name = data["group"]["name"]
        if signal == "group_created":
            number = self._new()
            self._created.add(number)
            self._begin(name, seq, number)
        elif signal == "group_deleted":
            self._end(name, seq)
        elif renamed := data["changes"].get("name"):
            self._begin(name, seq, self._end(renamed["from"], seq))

    def _begin(self, name: str, seq: int, number: int) -> None:
        self._spans.setdefault(name, []).append((seq, number))

    def _end(self, name: str, seq: int) -> int:
        spans = self._spans.setdefault(name, [])
        if not spans or not spans[-1][1]:
            spans.append((spans[-1][0] if spans else 0, self._new()))
        number = spans[-1][1]
        spans.append((seq, 0))
        return number

    def _new(self) -> int:
        self._count += 1
        return self._count


def grants_of(events: Sequence[MembershipEvent], groups: GroupTimeline, damaged: set[int]) -> dict[int | str, Grant]:
    """Return the last grant of each group to one user, by what `GroupTimeline.group` returns.

    Args:
        events: The events about the user, in the order of the log.
        groups: What names of groups meant.
        damaged: Takes the numbers of events that cannot be read.
    """
    found: dict[int | str, Grant] = {}
    for event in events:
        if event.signal in CREATIONS or event.signal in DELETIONS:
            found.clear()
        if event.text is None:
            continue
        try:
            added, removed = group_changes_in(event.seq, event.text)
        except BrokenEventLog:
            damaged.add(event.seq)
            continue
        for name in removed:
            found.pop(groups.group(name, event.seq), None)
        if event.signal not in DELETIONS:
            grant = Grant(event.seq, f"{event.time[:_SECOND]}Z", event.actor)
            for name in added:
                found[groups.group(name, event.seq)] = grant
    return found


def group_changes_in(seq: int, text: str) -> tuple[Sequence[str], Sequence[str]]:
    """Return the names of the groups that a user joined and left in event *seq*, whose data is *text*.

    Raises:
        BrokenEventLog: The event is damaged.
    """
    if text.startswith(_CHANGES) and text.count(_GROUPS) == 1:
        # The rest of the data takes twice the time, and nothing of it is needed.
        try:
            value, _ = _value_at(text, text.find(_GROUPS) + _VALUE)
        except ValueError as error:
            raise BrokenEventLog(seq, "its data is damaged.") from error
        return _names(value.get("added")), _names(value.get("removed"))
    return group_changes(decoded(seq, text))


def group_changes(data: Mapping[str, Any]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the names of the groups that a user joined and left in the event with this *data*."""
    changes = data.get("changes")
    groups = changes.get("groups") if isinstance(changes, Mapping) else None
    if not isinstance(groups, Mapping):
        return (), ()
    return _names(groups.get("added")), _names(groups.get("removed"))


def _names(value: Any) -> Sequence[str]:
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else ()


def _readable(seq: int, text: str | None) -> dict[str, Any] | None:
    try:
        return None if text is None else decoded(seq, text)
    except BrokenEventLog:
        return None
