"""Undoing events: what would change, and the change itself, by the ordinary operations."""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import groupby

from lback_cli.database.engine import Database
from lback_cli.events.kinds import CREATIONS
from lback_cli.managers.brake import check_share
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.snapshot import Snapshot, snapshot
from lback_cli.repositories.user_query import UserQuery
from lback_cli.undo.execution import Execution, Managers
from lback_cli.undo.planner import Planner, Summary, chunks
from lback_cli.undo.selection import Request, Selection, Target
from lback_cli.undo.verdicts import EventPlan


class Undo:
    """Undoes events, newest first.

    Each event is undone by operations of its own, which send their signals and leave events that name it. An
    interrupted undo is continued by the same request: what is undone is not undone again.
    """

    def __init__(self, database: Database, services: Dependencies, users: UserManager, groups: GroupManager) -> None:
        self._database = database
        self._services = services
        self._parts = Managers(database, services, users, groups)

    def resolved(self, selection: Selection) -> Selection:
        """Return *selection* with the whole job of its import.

        Raises:
            NotFound: There is no such import.
        """
        with snapshot(self._database) as found:
            return selection.resolved(found.changes)

    @contextlib.contextmanager
    def plan(self, request: Request) -> Iterator[Iterator[EventPlan]]:
        """Yield what undoing would do; it is computed while the block lasts.

        Raises:
            NotFound: There is no such event or import.
        """
        with snapshot(self._database) as found:
            targets = request.selection.find(found.changes)
            yield self._planner(found, targets, request).plan(targets)

    def count(self, request: Request) -> int:
        """Return how many events would be undone.

        Raises:
            NotFound: There is no such event or import.
        """
        with snapshot(self._database) as found:
            return len(request.selection.find(found.changes))

    def summary(self, request: Request, *, max_share: float | None) -> Summary:
        """Return what undoing would do in all.

        Raises:
            NotFound: There is no such event or import.
            ShareExceeded: It would delete or deactivate more than *max_share* percent of all users.
        """
        summary = Summary()
        with snapshot(self._database) as found:
            targets = request.selection.find(found.changes)
            for plan in self._planner(found, targets, request).plan(targets):
                summary.add(plan)
        self.check_share(summary, max_share=max_share)
        return summary

    def check_share(self, summary: Summary, *, max_share: float | None) -> None:
        """Raise `ShareExceeded` if what *summary* counts is more than *max_share* percent of all users."""
        with snapshot(self._database) as found:
            total = found.users.count(UserQuery())
        check_share("delete or deactivate", summary.taken, total, max_share=max_share)

    def run(self, request: Request) -> Iterator[EventPlan]:
        """Undo the events, and yield what was done with each.

        Raises:
            NotFound: There is no such event or import.
            Unusable: The database, or with ``notify`` the mail server, cannot be used. What was yielded is done.
        """
        with snapshot(self._database) as found:
            targets = request.selection.find(found.changes)
        run = Execution(self._parts, request, frozenset(target.seq for target in targets))
        for chunk in chunks(targets):
            for is_creation, some in groupby(chunk, key=lambda target: target.signal in CREATIONS):
                if is_creation:
                    yield from run.delete_created(list(some))
                else:
                    for target in some:
                        yield from run.undo_one(target)

    def _planner(self, found: Snapshot, targets: Sequence[Target], request: Request) -> Planner:
        undone = frozenset(target.seq for target in targets)
        return Planner(found, self._services, undone, including_active=request.including_active)
