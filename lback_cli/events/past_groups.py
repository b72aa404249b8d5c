"""What groups were at a moment, from what they are and from what events say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lback_cli.events.past import OUTSIDE, Change


@dataclass(slots=True)
class PastGroup:
    """A group at a moment.

    Attributes:
        id: The id.
        name: The name at that moment.
        description: The description at that moment.
        created_at: When it was created, in RFC 3339; None if that is unknown.
        today: Its name today; None if it was deleted.
        created_by: The number of the event that created it; 0 if there is none.
        marks: What is doubtful, by field, and why.
    """

    id: int
    name: str
    description: str | None
    created_at: str | None = None
    today: str | None = None
    created_by: int = 0
    marks: dict[str, str] = field(default_factory=dict)


class PastGroups:
    """All groups, whose events are taken back, newest first.

    Attributes:
        by_name: The groups by name.
    """

    def __init__(self, today: Iterable[PastGroup]) -> None:
        self.by_name = {group.name: group for group in today}

    def take_back(self, change: Change) -> None:
        """Go back to before *change*."""
        if (data := change.data) is None:
            return
        changes, name = data["changes"], data["group"]["name"]
        if change.signal == "group_created":
            self.by_name.pop(name, None)
        elif change.signal == "group_deleted":
            description = changes["description"]["from"]
            self.by_name[name] = PastGroup(data["group"]["id"], name, description)
        elif changes and (group := self.by_name.pop(name, None)) is not None:
            for attribute, values in changes.items():
                if getattr(group, attribute) != values["to"]:
                    group.marks[attribute] = OUTSIDE
                setattr(group, attribute, values["from"])
            self.by_name[group.name] = group

    def compare(self, earlier: Iterable[Change]) -> None:
        """Mark what differs from what the *earlier* events, in the order of the log, say."""
        known: dict[int, dict[str, Any]] = {}
        for change in earlier:
            if (data := change.data) is not None:
                _apply(known, change, data)
        for group in self.by_name.values():
            said = known.get(group.id, {})
            group.created_by = said.get("created_by", 0)
            for attribute in ("name", "description"):
                if attribute in said and said[attribute] != getattr(group, attribute):
                    group.marks.setdefault(attribute, OUTSIDE)


def _apply(known: dict[int, dict[str, Any]], change: Change, data: Mapping[str, Any]) -> None:
    number = data["group"]["id"]
    if change.signal == "group_deleted":
        known.pop(number, None)
        return
    group = known.setdefault(number, {})
    if change.signal == "group_created":
        group["created_by"] = change.seq
    group |= {attribute: values["to"] for attribute, values in data["changes"].items()}
