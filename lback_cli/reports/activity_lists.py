"""The single events that the page of ``lback report activity`` lists: the newest of each kind."""

from typing import TYPE_CHECKING, Any

from lback_cli.errors import BrokenEventLog
from lback_cli.events.erasure import decoded
from lback_cli.events.grants import group_changes_in
from lback_cli.events.kinds import ADMINISTRATIVE, CREATIONS, DELETIONS, FAILURE_EVENTS
from lback_cli.events.wording import listed, sentence
from lback_cli.reports.base import Record

if TYPE_CHECKING:
    from lback_cli.repositories.activity_reader import OtherEvent

MOVES = 5_000
"""Memberships that began or ended, in the table of a page at most."""

MOVES_OF_A_GROUP = 1_000
"""The same of one group."""

EVENTS = 500
"""Failures in the table of a page at most, and changes."""

_WHOLE_USER = frozenset({*CREATIONS, *DELETIONS})
_SECOND = len("2026-01-31T12:00:00")


class Newest:
    """The first rows of a list, and how many there are in all."""

    def __init__(self) -> None:
        self.rows: list[Record] = []
        self.total = 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another row."""
        return len(self.rows) >= EVENTS

    @property
    def note(self) -> str:
        """What is not listed."""
        more = self.total - len(self.rows)
        return f"The page has no room for {more:,} older ones; 'lback events list' has them." if more else ""


class ActivityLists:
    """Failures and changes, newest first: all counted, and some listed.

    Attributes:
        moves: Who joined or left which group.
        moves_in_all: How many of these there are.
        moved: How many joined and left each group.
        failures: The failures other than logins.
        changes: The changes other than those of groups of users, and without registrations.
        damaged: The numbers of events that cannot be read.
    """

    def __init__(self, default_group: str) -> None:
        self._default_group = default_group
        self._listed: dict[str, int] = {}
        self._of_default_group = 0
        self.moves: list[Record] = []
        self.moves_in_all = 0
        self.moved: dict[str, dict[str, int]] = {}
        self.failures, self.changes = Newest(), Newest()
        self.damaged: list[int] = []

    def add(self, event: "OtherEvent") -> None:
        """Count what *event* says, and list it if there is room. The events come newest first."""
        try:
            if event.signal in FAILURE_EVENTS:
                self._add_failure(event)
            else:
                self._add_moves(event)
                if event.signal != "user_registered":
                    self._add_change(event)
        except BrokenEventLog:
            self.damaged.append(event.seq)

    def _add_failure(self, event: "OtherEvent") -> None:
        self.failures.total += 1
        if not self.failures.is_full:
            message = {} if event.text is None else decoded(event.seq, event.text)
            why = message.get("error_message")
            shown = {"what": _operation(event.signal), "why": why if isinstance(why, str) else event.outcome}
            self.failures.rows.append(_row(event, about=event.subject, **shown))

    def _add_change(self, event: "OtherEvent") -> None:
        data = None if event.text is None else decoded(event.seq, event.text)
        changes = (data or {}).get("changes")
        is_more = isinstance(changes, dict) and bool(changes.keys() - {"groups"})
        if data is not None and not is_more and event.signal not in (*ADMINISTRATIVE, *DELETIONS):
            return
        self.changes.total += 1
        if not self.changes.is_full:
            view = {"seq": event.seq, "signal": event.signal, "outcome": event.outcome}
            shown = listed({**view, "subject": event.subject, "data": data})
            self.changes.rows.append(_row(event, about=shown["subject"], what=sentence(shown)))

    def _add_moves(self, event: "OtherEvent") -> None:
        if event.text is None or event.subject_id is None:
            return
        added, removed = group_changes_in(event.seq, event.text)
        for change, names in (("joined", added), ("left", removed)):
            for name in names:
                self.moves_in_all += 1
                counts = self.moved.setdefault(name, {"joined": 0, "left": 0})
                counts[change] += 1
                if name == self._default_group and event.signal in _WHOLE_USER:
                    self._of_default_group += 1
                elif len(self.moves) < MOVES and self._listed.get(name, 0) < MOVES_OF_A_GROUP:
                    self._listed[name] = self._listed.get(name, 0) + 1
                    data = decoded(event.seq, event.text)
                    username = data.get("user", data).get("username")  # a deletion has no user
                    self.moves.append(_row(event, username=username, change=change, group=name))

    @property
    def note_on_moves(self) -> str:
        """What is counted and not listed."""
        left_out = self.moves_in_all - self._of_default_group - len(self.moves)
        sentences = []
        if self._of_default_group:
            sentences.append(
                f"{self._of_default_group:,} registrations and deletions, with which users joined or left the default"
                f" group, {self._default_group}, are not listed."
            )
        if left_out:
            sentences.append(
                f"The page has no room for {left_out:,} older changes; 'lback events list --changed groups' has them."
            )
        return " ".join(sentences)


def _operation(signal: str) -> str:
    """Return what failed, such as ``registration`` for ``user_registration_failed``."""
    return signal.removeprefix("user_").removesuffix("_failed").replace("_", " ")


def _row(event: "OtherEvent", **shown: Any) -> Record:
    return {"time": f"{event.time[:_SECOND]}Z", **shown, "actor": event.actor, "event": event.seq}
