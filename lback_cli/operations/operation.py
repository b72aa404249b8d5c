"""One run of one operation: its first signal, its transaction, and exactly one terminal signal, by construction."""

import contextlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from functools import partial
from typing import Any, TypeVar, cast

from blinker import NamedSignal
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.errors import DatabaseError, LbackError, OutcomeUnknown, UnexpectedError, Unusable
from lback_cli.events.record import EventRecord, event_from_signal
from lback_cli.models import User
from lback_cli.operations.attempts import (
    AttemptState,
    RecordedFailure,
    aborts_transaction,
    to_lback_error,
    track_writes,
)
from lback_cli.operations.kinds import OperationKind
from lback_cli.repositories.unit_of_work import UnitOfWork, reading, transaction_with_events
from lback_cli.signals.dispatch import deliver
from lback_cli.signals.emission import Role
from lback_cli.text.escaping import safe

R = TypeVar("R")


class Operation:
    """One run of the operation *kind* of a manager, the sender.

    *identity* is what the documented arguments call the run: ``username``, ``user_id``, ``token_prefix`` and so on.
    The body sets `user` as soon as it has found one, and `reason` where success has one; both reach the signals.

    With a transaction of its own it is tried again where the database gives the transaction up for reasons that pass
    (see `lback_cli.database.retry`): the whole body runs again, and still its effects come once. What leaves the
    database, such as a mail, goes through `once`. A signal that was sent is not sent again, except where its receivers
    wrote into the transaction that was rolled back, and what they wrote with it.
    In a caller's session nothing is tried again: with the transaction, it is the caller's work too that is gone. A
    caller that tries all of it again passes the same *effects* each time.
    """

    def __init__(
        self,
        kind: OperationKind,
        sender: Any,
        database: Database,
        session: Session | None,
        identity: Mapping[str, Any],
        *,
        effects: AttemptState | None = None,
    ) -> None:
        self.kind = kind
        self.sender = sender
        self.user: User | None = None
        self.reason: str | None = None
        self.success_signal = kind.succeeded
        self._database = database
        self._session = session
        self._identity = identity
        self._effects = effects or AttemptState()
        self._is_one_of_several = session is not None and effects is not None
        self._reset()

    def _reset(self) -> None:
        """What a try begins with."""
        self.user = None
        self.reason = None
        self.success_signal = self.kind.succeeded
        self._succeeded = False
        self._in_transaction = False

    @property
    def name(self) -> str:
        """The operation's documented name."""
        return self.kind.name

    @property
    def id(self) -> str:
        """What the event and every trace line of this operation has."""
        return self._effects.id

    @property
    def seq(self) -> int:
        """The number of the signal sent last."""
        return self._effects.seq

    def run(self, body: Callable[["Operation"], R]) -> R:
        """Send the first signal, run *body*, send the terminal signal, and return what *body* returns.

        *body* changes the database in one `transaction`. Raises an `LbackError` for every failure; what ends the
        process, such as `KeyboardInterrupt`, is announced as a failure too and then raised as it is. A failure that was
        announced in an earlier try is raised again.
        """
        if (refusal := self._effects.refusal) is not None:
            refusal.record(self._session)
            raise refusal.error
        try:
            if self.kind.started is not None:
                self.emit(self.kind.started, **self._documented(self.kind.started, {}))
            result = self._attempt(body) if self._session is not None else retried(lambda: self._attempt(body))
        except Exception as error:
            failure = to_lback_error(error)
            if self._is_one_of_several:
                failure = self._record_refusal(failure)
            else:
                self._announce_failure(failure)
            if failure is error:
                raise
            raise failure from error
        except BaseException as error:
            if self._is_one_of_several:
                self._effects.waiting = self.announce_failure
            else:
                self._announce_failure(to_lback_error(error))
            raise
        if self._is_one_of_several:
            self._effects.waiting = self.announce_failure
        return result

    def announce_failure(self, failure: LbackError) -> None:
        """Announce *failure*, now that nobody tries again and the caller's transaction is gone."""
        self._session = None
        self._announce_failure(failure)

    def _attempt(self, body: Callable[["Operation"], R]) -> R:
        self._reset()
        self._effects.waiting = None
        result = body(self)
        if not self._succeeded:
            raise UnexpectedError(f"{self.kind.name} ended without an outcome.")
        return result

    def emit(self, signal: NamedSignal, **arguments: Any) -> None:
        """Send one of the documented signals as the next one of this operation, unless an earlier try sent it."""
        if signal.name in self._effects.sent:
            return
        self._effects.sent.add(signal.name)
        self._effects.seq += 1
        deliver(self, signal, arguments)

    def once_per_operation(self, name: Hashable, make: Callable[[], R]) -> R:
        """What *make* returns, called in the first try that comes here, and the same in every later one.

        *name* tells it from the other things that the operation makes, and is to hold all that it depends on: what an
        earlier try mailed to one address is no mail to another.
        """
        if name not in self._effects.made:
            self._effects.made[name] = make()
        return cast("R", self._effects.made[name])

    def earlier_result(self, name: Hashable) -> Any:
        """What `once` made under *name* in an earlier try; None where it did not."""
        return self._effects.made.get(name)

    def signal_role(self, signal: NamedSignal) -> Role:
        """What *signal* means in this operation."""
        if signal is self.kind.started:
            return "started"
        if signal is self.success_signal:
            return "success"
        return "failure" if signal is self.kind.failed else "progress"

    def read_only(self) -> contextlib.AbstractContextManager[UnitOfWork]:
        """Look things up without a write lock, so that what takes long, such as hashing, holds up nobody."""
        return reading(self._database, self._session)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """The one transaction: at its end, and before the commit, the success signal is sent."""
        with transaction_with_events(self._database, self._session) as work:
            self._in_transaction = True
            yield work
            outcome = {"user": self.user, "session": work.session, "reason": self.reason}
            arguments = self._documented(self.success_signal, outcome)
            self._announce_success(work, arguments)
            work.events.append([self._event(self.success_signal, arguments)])
            if self._session is None:
                # A COMMIT without an answer would expire what was loaded, also where it turns out to have worked.
                work.session.flush()
                work.session.expunge_all()
        self._succeeded = True

    def _event(self, signal: NamedSignal, arguments: Mapping[str, Any]) -> EventRecord:
        return event_from_signal(signal.name, self.kind.name, self.id, arguments)

    def _announce_success(self, work: UnitOfWork, arguments: Mapping[str, Any]) -> None:
        """Send the success signal, which a later try is not to send again unless receivers write into this one."""
        again = self._session is None or self._is_one_of_several
        if not (again and self.success_signal.receivers):
            self.emit(self.success_signal, **arguments)
            return
        with track_writes(work.session) as written:
            try:
                self.emit(self.success_signal, **arguments)
                work.session.flush()
            finally:
                if written:
                    self._effects.sent.discard(self.success_signal.name)

    def _announce_failure(self, failure: LbackError) -> None:
        """Record the failure in a transaction of its own, since that of the operation is gone, and send the signal."""
        arguments: dict[str, Any] = {}

        def record() -> None:
            with transaction_with_events(self._database, self._session) as work:
                arguments.update(self._failure_arguments(failure, work))
                work.events.append([self._event(self.kind.failed, arguments)])

        try:
            if isinstance(failure, OutcomeUnknown):
                # The log may say that it succeeded, and must not contradict itself.
                self.user = None
            elif self._session is None:
                retried(record)
            else:
                record()
        except Exception as error:  # noqa: BLE001 - whatever keeps the event from being written, the signal is sent
            if self._in_transaction:
                self.user = None
            _log_unrecorded(self, error)
        self.emit(self.kind.failed, **(arguments or self._failure_arguments(failure)))

    def _record_refusal(self, failure: LbackError) -> LbackError:
        """Record and announce *failure*, and return it, unless the caller's transaction is lost: then what lost it."""
        if not aborts_transaction(failure):
            try:
                with transaction_with_events(self._database, self._session) as work:
                    arguments = self._failure_arguments(failure, work)
                    event = self._event(self.kind.failed, arguments)
                    work.events.append([event])
            except DatabaseError as lost:
                failure = lost
            else:
                self._effects.refusal = RecordedFailure(failure, partial(self._record_again, event))
                self.emit(self.kind.failed, **arguments)
                return failure
        self._effects.waiting = self.announce_failure
        return failure

    def _record_again(self, event: EventRecord, session: Session | None) -> None:
        def record() -> None:
            with transaction_with_events(self._database, session) as work:
                work.events.append([event])

        if session is not None:
            record()
            return
        try:
            retried(record)
        except Exception as error:  # noqa: BLE001 - the failure is settled and was announced
            _log_unrecorded(self, error)

    def _failure_arguments(self, failure: LbackError, work: UnitOfWork | None = None) -> dict[str, Any]:
        if work is not None and self._in_transaction and self.user is not None:
            self.user = _reloaded(self.user, work)
        outcome = {
            "user": self.user,
            "error_type": failure.error_type,
            "reason": failure.error_type,
            "error_message": None if isinstance(failure, UnexpectedError) else failure.message,
            "exception": original_exception(failure),
        }
        return self._documented(self.kind.failed, outcome)

    def _documented(self, signal: NamedSignal, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that the catalogue lists for *signal*, out of what is known."""
        known = {**outcome, **self._identity}
        if self.user is not None:
            known.setdefault("username", self.user.username)
        arguments = signals.CATALOGUE[signal.name].arguments
        return {argument.name: known.get(argument.name) for argument in arguments}


def _reloaded(user: User, work: UnitOfWork) -> User | None:
    """*user* as it is in the database: rolling back expired what was loaded and undid what was changed."""
    identity = inspect(user).identity
    return None if identity is None else work.users.get(identity[0])


def _log_unrecorded(operation: Operation, error: Exception) -> None:
    """The database is gone, and the event log with it: say so where it can still be seen."""
    import logging

    logging.getLogger("lback_cli.events").error(
        "The failure of %s %s could not be recorded in the event log: %s", operation.name, operation.id, safe(error)
    )


def original_exception(failure: LbackError) -> BaseException | None:
    """The exception that made the operation fail, the foreign one where there is one; a refusal by a rule has none."""
    if isinstance(failure, Unusable) or failure.error_type == UnexpectedError.error_type:
        return failure.__cause__ or failure
    return None
