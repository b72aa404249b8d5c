"""Which events to undo."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, NamedTuple

from lback_cli.errors import EventNotFound, ImportNotFound, UsageError
from lback_cli.events.kinds import FAILURE_EVENTS, GROUP_EVENTS
from lback_cli.repositories.change_reader import ChangeReader, Found
from lback_cli.text.escaping import safe

_EVENT = re.compile("event:([0-9]{1,18})")

LAST = "last"
"""Identifies the import that ran last."""

Mail = Literal["none", "notify"]
"""Whether users are notified of a changed address."""


class Target(NamedTuple):
    """An event to undo.

    Attributes:
        seq: Its number.
        signal: Its name.
        user_id: The id of the user that it is about, if it is about one.
        import_start: The number of the first event of the import that it is part of; 0 if there is none.
    """

    seq: int
    signal: str
    user_id: int | None
    import_start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which events a person asked for: by number, of an operation, of an invocation, or of an import."""

    events: Sequence[int] = ()
    operation: str | None = None
    invocation: str | None = None
    import_job: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the selection for a plan file."""
        return {**asdict(self), "events": list(self.events)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Selection":
        """Return the selection that `as_json` returned."""
        return cls(**stored)

    def resolved(self, changes: ChangeReader) -> "Selection":
        """Return the selection with the whole job of its import, so that it is the same after another import.

        Raises:
            ImportNotFound: There was no such import.
            UsageError: Several imports may be meant.
        """
        return self if self.import_job is None else replace(self, import_job=_job(changes, self.import_job))

    def find(self, changes: ChangeReader) -> list[Target]:
        """Return the events that changed something, or may have, newest first.

        Raises:
            EventNotFound: No event has that number, operation or invocation.
            ImportNotFound: There was no such import.
        """
        if self.import_job is not None:
            targets = _of_import(changes, self.import_job)
        else:
            targets = [
                Target(found.seq, found.signal, found.subject_id)
                for found in self._found(changes)
                if _is_undoable(found)
            ]
        return sorted(targets, reverse=True)

    def _found(self, changes: ChangeReader) -> Sequence[Found]:
        if self.events:
            numbers = sorted(set(self.events))
            found = changes.find(numbers=numbers)
            if missing := set(numbers) - {event.seq for event in found}:
                raise EventNotFound(f"There is no event {min(missing)}.", hint="'lback events list' shows the newest.")
            return found
        found = changes.find(operation_id=self.operation, invocation_id=self.invocation)
        if not found:
            what, name = ("operation", self.operation) if self.operation is not None else ("command", self.invocation)
            raise EventNotFound(
                f"No event is of the {what} '{safe(name or '', limit=40)}'.",
                hint="'lback events list -o json' shows the operation_id and the invocation_id of each event.",
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asked for.

    Attributes:
        selection: The events to undo.
        mail: Whether users are notified.
        including_active: Whether users are deleted although they have logged in since the import that created them.
    """

    selection: Selection
    mail: Mail = "none"
    including_active: bool = False


def _of_import(changes: ChangeReader, job: str) -> list[Target]:
    """Return the events of the rows of an import: those of its invocations, from its beginning to its end in each."""
    marks = changes.of_import(_job(changes, job))
    targets: list[Target] = []
    for mark in marks:
        if mark.signal != "import_started":
            continue
        for found in changes.find(invocation_id=mark.invocation_id, after=mark.seq):
            if found.signal in {"import_started", "import_finished"}:
                break
            if _is_undoable(found):
                targets.append(Target(found.seq, found.signal, found.subject_id, marks[0].seq))
    return targets


def _job(changes: ChangeReader, text: str) -> str:
    """Return the job of the import that *text* identifies: the job, the beginning of it, ``event:N`` or ``last``.

    Raises:
        ImportNotFound: There was no such import.
        UsageError: There were several.
    """
    jobs = changes.import_jobs()
    if match := _EVENT.fullmatch(text):
        found = {job for seq, job in jobs if seq == int(match[1])}
    elif text == LAST:
        found = {max(jobs)[1]} if jobs else set()
    else:
        found = {job for _, job in jobs if text and job.startswith(text)}
        found = {text} if text in found else found
    if len(found) > 1:
        raise UsageError(f"{len(found)} imports begin with '{safe(text, limit=40)}'.", hint="Give more of the job.")
    if not found:
        if not jobs:
            raise ImportNotFound("There was no import.", hint="'lback events list' shows what else can be undone.")
        raise ImportNotFound(
            f"There was no import '{safe(text, limit=40)}'.",
            hint=f"'{LAST}' is the last one, and 'lback events list --signal import_started' shows the jobs of all.",
        )
    return found.pop()


def _is_undoable(found: Found) -> bool:
    return found.signal not in FAILURE_EVENTS and (found.subject_id is not None or found.signal in GROUP_EVENTS)
