"""What undoing an event does, and why it does not do the rest."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Verdict = Literal["reversed", "done", "kept", "cannot"]
"""What happens to a change: it is reversed; nothing is left to do; it is kept, or it cannot be reversed."""

Action = Literal[
    "none",
    "update",
    "delete",
    "restore",
    "create_group",
    "rename_group",
    "describe_group",
    "delete_group",
    "add_members",
]
"""What reverses an event."""

OUTCOMES: Mapping[Action, str] = {
    "update": "updated",
    "delete": "deleted",
    "restore": "restored",
    "create_group": "created",
    "rename_group": "updated",
    "describe_group": "updated",
    "delete_group": "deleted",
    "add_members": "updated",
}
"""The outcome of a change that is reversed, by the action."""


@dataclass(frozen=True, slots=True)
class Part:
    """One change of an event.

    Attributes:
        field: The attribute, ``groups``, ``user``, ``group`` or ``members``.
        verdict: What happens to it.
        change: What reversing it does, in a phrase.
        reason: Why it is not reversed.
        by: The number of the event that is the reason, if it is one.
    """

    field: str
    verdict: Verdict
    change: str
    reason: str | None = None
    by: int | None = None


@dataclass(slots=True)
class EventPlan:
    """What undoing one event does.

    Attributes:
        seq: The number of the event.
        signal: Its name.
        id: The id of the user or group that it is about.
        subject: The name of that user or group.
        parts: Its changes.
        action: What reverses those that are to be reversed.
        data: What the action needs: values to update, or a user or group to restore.
    """

    seq: int
    signal: str
    id: int | None
    subject: str | None
    parts: list[Part] = field(default_factory=list)
    action: Action = "none"
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def is_reversed(self) -> bool:
        """Whether there is something to reverse."""
        return any(part.verdict == "reversed" for part in self.parts)

    @property
    def deactivates(self) -> bool:
        """Whether it takes an account away: by deletion, or because it forbids to log in."""
        return self.action == "delete" or self.data.get("is_active") is False

    def refused(self, reason: str) -> "EventPlan":
        """Return the plan after its operation was refused for *reason*."""
        parts = [
            replace(part, verdict="cannot", reason=reason) if part.verdict == "reversed" else part
            for part in self.parts
        ]
        return replace(self, parts=parts)

    def records(self, *, is_done: bool) -> list[dict[str, Any]]:
        """Return the parts as results show them. If the action *is_done*, they have outcomes."""
        outcomes = {"reversed": OUTCOMES.get(self.action), "done": "unchanged", "kept": "skipped", "cannot": "failed"}
        return [
            {
                "event": self.seq,
                "signal": self.signal,
                "id": self.id,
                "subject": self.subject,
                "field": part.field,
                "verdict": part.verdict,
                "change": part.change,
                "reason": part.reason,
                "by": part.by,
                "outcome": outcomes[part.verdict] if is_done else None,
            }
            for part in self.parts
        ]


COLUMNS = ("event", "signal", "id", "subject", "field", "verdict", "change", "reason", "by", "outcome")
"""The fields of a record."""


def shown(value: Any) -> str:
    """Return a value as phrases have it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "(none)" if value is None else str(value)
