"""A manager whose failures stay in the event log although the application rolls its session back."""

from collections.abc import Callable
from typing import Any, TypeVar

from blinker import NamedSignal
from sqlalchemy import event
from sqlalchemy.orm import Session, SessionTransaction

from lback_cli.database.retry import retried
from lback_cli.errors import LbackError
from lback_cli.events.record import EventRecord
from lback_cli.managers.authentication import GUESSES
from lback_cli.managers.user_manager import UserManager
from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.failures import log_unrecorded
from lback_cli.operations.kinds import OperationKind
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import holds_write_lock, transaction_with_events

R = TypeVar("R")

_WAITING = "lback_waiting"
"""The key in ``Session.info`` of what is to be done if the transaction is not committed."""


class RecordingManager(UserManager):
    """Records a failure in the caller's session, and once more if that is rolled back.

    The framework's views roll back after a failure. Its event would be lost, and on SQLite the count of a failed login
    too, which is on the connection of a session that has written.
    """

    def _run(
        self,
        kind: OperationKind,
        body: Callable[[Operation], R],
        session: Session | None,
        effects: AttemptState | None = None,
        **identity: Any,
    ) -> R:
        operation = _ObservedOperation(kind, self, self._database, session, identity, effects=effects)
        counted_in_session = session is not None and holds_write_lock(session)
        try:
            return operation.run(body)
        except LbackError as error:
            failure = operation.failure
            guessed = str(identity.get("username")) if counted_in_session and error.error_type in GUESSES else None
            if session is not None and failure is not None:
                _unless_committed(session, lambda: self._record_again(failure, guessed))
            raise

    def _record_again(self, failure: EventRecord, guessed: str | None) -> None:
        def record() -> None:
            with transaction_with_events(self._database) as work:
                work.events.append([failure])

        try:
            if guessed is not None:
                self._limiter.fail(self._limiter.reserve(guessed))
            retried(record)
        except Exception as error:  # noqa: BLE001 - the application's rollback must not fail because of the log
            log_unrecorded(failure.operation, failure.operation_id, error)


class _ObservedOperation(Operation):
    """An operation that keeps the event of its failure."""

    failure: EventRecord | None = None

    def emit(self, signal: NamedSignal, **arguments: Any) -> None:
        if signal is self.kind.failed:
            self.failure = self._event(signal, arguments)
        super().emit(signal, **arguments)


def _unless_committed(session: Session, act: Callable[[], None]) -> None:
    """Call *act* when the outermost transaction of *session* has ended without a commit."""
    if _WAITING not in session.info:
        session.info[_WAITING] = []
        event.listen(session, "after_commit", _forget)
        event.listen(session, "after_transaction_end", _act)
    session.info[_WAITING].append(act)


def _forget(session: Session) -> None:
    if not session.in_nested_transaction():
        session.info[_WAITING].clear()


def _act(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        waiting = list(session.info[_WAITING])
        session.info[_WAITING].clear()
        for act in waiting:
            act()
