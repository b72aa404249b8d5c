"""What undoing events does, one event after the other, newest first."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from lback_cli.events.past import Change
from lback_cli.managers.dependencies import Dependencies
from lback_cli.repositories.snapshot import Snapshot
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.undo.group_events import GroupEvents
from lback_cli.undo.selection import Target
from lback_cli.undo.state import State
from lback_cli.undo.user_events import UserEvents
from lback_cli.undo.verdicts import EventPlan

CHUNK = 500
"""Events whose users are read together."""


class Planner:
    """Plans how to undo events in one transaction.

    Args:
        found: The transaction.
        services: The dependencies of managers.
        undone: The numbers of all events that are undone together.
        including_active: Whether users are deleted although they have logged in since.
    """

    def __init__(
        self, found: Snapshot, services: Dependencies, undone: frozenset[int], *, including_active: bool
    ) -> None:
        self._found = found
        self._state = State(found, services)
        self._users = UserEvents(self._state, undone, including_active=including_active)
        self._groups = GroupEvents(self._state, services)

    def plan(self, targets: Sequence[Target]) -> Iterator[EventPlan]:
        """Yield what undoing *targets*, newest first, does; those in which nothing changed are left out."""
        # The members of a deleted group join it again, so no user is forgotten before that is planned.
        left = Counter(target.user_id for target in targets if target.signal != "group_created")
        for chunk in chunks(targets):
            ids = dict.fromkeys(target.user_id for target in chunk if target.user_id is not None)
            self._state.load(ids, login_after=chunk[0].import_start)
            changes = self._changes(chunk, ids)
            for target in chunk:
                plan = self._plan(changes[target.seq], target)
                if plan.parts:
                    yield plan
                left[target.user_id] -= target.signal != "group_created"
                if target.user_id is not None and not left[target.user_id] and not left[None]:
                    self._state.drop(target.user_id)

    def stored(self, user_id: int) -> UserRecord:
        """Return the user with that id as stored; a plan that was just yielded changes this user."""
        stored = self._state.user(user_id).stored
        assert stored is not None, "it exists"
        return stored

    def _changes(self, chunk: Sequence[Target], ids: Iterable[int]) -> Mapping[int, Change]:
        """Return the events *chunk* by number: those that were read with the users, and the others."""
        known = {change.seq: change for user_id in ids for change in self._state.user(user_id).changes}
        missing = [target.seq for target in chunk if target.seq not in known]
        return known | self._found.changes.numbered(missing) if missing else known

    def _plan(self, change: Change, target: Target) -> EventPlan:
        if change.subject_id is None:
            return self._groups.plan(change)
        return self._users.plan(change, import_start=target.import_start)


@dataclass(slots=True)
class Summary:
    """What undoing does in all.

    Attributes:
        counts: The changes, by verdict.
        actions: The events that are reversed, by action.
        names: The first users and groups that are changed.
        taken: How many accounts are deleted or deactivated.
        may_have_mailed: Whether an operation that is undone may have sent mail.
    """

    counts: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    taken: int = 0
    may_have_mailed: bool = False

    def add(self, plan: EventPlan) -> None:
        """Count *plan*."""
        self.counts.update(part.verdict for part in plan.parts)
        self.may_have_mailed |= plan.signal == "user_registered" or any(part.field == "email" for part in plan.parts)
        if not plan.is_reversed:
            return
        self.actions[plan.action] += 1
        self.taken += plan.deactivates
        if len(self.names) < 4 and plan.subject is not None and plan.subject not in self.names:  # noqa: PLR2004
            self.names.append(plan.subject)

    @property
    def is_complete(self) -> bool:
        """Whether everything is reversed, or was before."""
        return not (self.counts["kept"] or self.counts["cannot"])


def chunks(targets: Sequence[Target]) -> Iterator[list[Target]]:
    """Yield *targets* in lists of at most `CHUNK`."""
    iterator = iter(targets)
    while chunk := list(islice(iterator, CHUNK)):
        yield chunk
