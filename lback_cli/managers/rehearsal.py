"""A rehearsal: operations run in one transaction that is rolled back, without mail, receivers or hashes."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self, TypeVar

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.events.export import event_view
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.dry_run import DryRunDependencies
from lback_cli.managers.group_manager import GroupManager
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import Group
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.kinds import OperationKind
from lback_cli.operations.operation import Operation
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import UnitOfWork, transaction
from lback_cli.signals.dispatch import suppress_signals

R = TypeVar("R")


class Rehearsal:
    """A context manager that rolls back what its managers do.

    Attributes:
        session: The transaction.
        users: A manager whose operations join the transaction.
        groups: A manager of groups whose changes join the transaction.
        signals: How many signals would be sent, by name.
        mails: How many mails would be sent, by template.
    """

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = DryRunDependencies(services)
        self._running = ExitStack()
        self.mails = self._services.mails

    def __enter__(self) -> Self:
        """Begin the transaction. On SQLite it keeps other writers waiting until its end."""
        with ExitStack() as running:
            uow = running.enter_context(transaction(self._database))
            self.session: Session = uow.session
            self.signals: Counter[str] = running.enter_context(suppress_signals())
            savepoint = running.enter_context(uow.session.begin_nested())
            self._first = uow.events.lock().seq
            running.callback(uow.session.expunge_all)
            running.callback(savepoint.rollback)
            self._events = uow.events
            self.users = _RehearsedUsers(self._database, self._services, uow.session)
            self.groups = _RehearsedGroups(self._database, self._services, uow.session)
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Roll back."""
        self._running.__exit__(kind, error, trace)

    def events(self) -> list[dict[str, Any]]:
        """Return the events that would be recorded, in their order."""
        self.session.flush()
        return [event_view(row) for row in self._events.select(EventQuery(after=self._first))]


class _RehearsedUsers(UserManager):
    """A manager whose operations join one transaction."""

    def __init__(self, database: Database, services: Dependencies, session: Session) -> None:
        super().__init__(database, services)
        self._session = session

    def _run(
        self,
        kind: OperationKind,
        body: Callable[[Operation], R],
        session: Session | None,
        effects: AttemptState | None = None,
        **identity: Any,
    ) -> R:
        return super()._run(kind, body, session or self._session, effects, **identity)

    def unlock_user(self, user_id: int, *, session: Session | None = None) -> bool:
        return super().unlock_user(user_id, session=session or self._session)


class _RehearsedGroups(GroupManager):
    """A manager whose changes join one transaction."""

    def __init__(self, database: Database, services: Dependencies, session: Session) -> None:
        super().__init__(database, services)
        self._session = session

    def _run(self, change: Callable[[UnitOfWork], Group], session: Session | None) -> Group:
        return super()._run(change, session or self._session)
