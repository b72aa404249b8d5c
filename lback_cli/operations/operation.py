"""One run of an operation: its first signal, its transaction, and its terminal signal.

No other code sends a terminal signal, so that every operation ends with one. The guarantees in docs/signals.md name the
exceptions.
"""

import contextlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from blinker import NamedSignal
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.database.retry import is_unavailable, retried
from lback_cli.errors import DatabaseError, LbackError, OutcomeUnknown, UnexpectedError
from lback_cli.events.record import EventRecord, administrative_event, event_from_signal
from lback_cli.models import User
from lback_cli.operations.attempts import AttemptState, PostedMail, track_writes
from lback_cli.operations.failures import (
    RecordedFailure,
    aborts_transaction,
    log_unrecorded,
    original_exception,
    to_lback_error,
)
from lback_cli.operations.kinds import OperationKind
from lback_cli.operations.loaded_user import copy_of, reloaded
from lback_cli.operations.session_guard import SessionGuard
from lback_cli.repositories.unit_of_work import (
    UnitOfWork,
    evidence_of_events,
    outcome_of,
    reading,
    require_transactional,
    settle_interruption,
    transaction_with_events,
)
from lback_cli.signals.dispatch import deliver
from lback_cli.signals.emission import Role
from lback_cli.text.times import utc_now

R = TypeVar("R")


class Operation:
    """One run of an operation.

    An operation with a transaction of its own is retried if the database aborts the transaction for a reason that may
    pass (see `lback_cli.database.retry`). The whole body runs again, but its effects happen once. Mail and other
    effects outside the database go through `once_per_operation`. A signal is sent again only if receivers wrote into
    the transaction that was rolled back.

    In a caller's session nothing is retried, because the caller's own changes are lost with the transaction. A caller
    that retries its transaction passes the same *effects* each time.

    Attributes:
        user: The user that the operation is about. The body sets it as soon as it has found the user.
        reason: The ``reason`` of the success signal, if there is one.
        success_signal: The success signal. The body may replace the one that *kind* declares.
        on_failure: Called once the operation has failed for good, before the failure is announced.
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
        """Describe the run.

        Args:
            kind: The documented signals and steps of the operation.
            sender: The manager that sends the signals.
            database: The database.
            session: The caller's session, or None for a transaction of its own.
            identity: The documented arguments that are known from the start, such as ``username`` or ``user_id``.
            effects: The state that all attempts share, if the caller retries its transaction.
        """
        self.kind = kind
        self.sender = sender
        self._user: User | None = None
        self._found: User | None = None
        self.reason: str | None = None
        self.success_signal = kind.succeeded
        self.on_failure: Callable[[], None] | None = None
        self._database = database
        self._session = session
        self._identity = identity
        self._effects = effects or AttemptState()
        self._is_one_of_several = session is not None and effects is not None
        self._reset()

    def _reset(self) -> None:
        """Forget the attempt before."""
        self._user = None
        self.reason = None
        self.success_signal = self.kind.succeeded
        self._more_events: list[EventRecord] = []
        # A queued mail was rolled back with its transaction; what was sent stays sent.
        self._effects.mails = {key: mail for key, mail in self._effects.mails.items() if not mail.queued}
        self._compute_changes: Callable[[], Mapping[str, Any]] | None = None
        self._succeeded = False
        self._in_transaction = False
        self._work: UnitOfWork | None = None
        self._guard: SessionGuard | None = None

    @property
    def user(self) -> User | None:
        """The user that the operation is about."""
        return self._user

    @user.setter
    def user(self, user: User | None) -> None:
        self._user = user
        if user is not None and inspect(user).has_identity:
            self._found = copy_of(user)

    @property
    def session(self) -> Session | None:
        """The caller's session, if the operation joins it."""
        return self._session

    @property
    def name(self) -> str:
        """The operation's documented name."""
        return self.kind.name

    @property
    def id(self) -> str:
        """The operation id in the event and in every line of the trace."""
        return self._effects.id

    @property
    def began(self) -> datetime:
        """When the first attempt began."""
        return self._effects.began or utc_now()

    @property
    def seq(self) -> int:
        """The number of signals sent so far."""
        return self._effects.seq

    def run(self, body: Callable[["Operation"], R]) -> R:
        """Send the first signal, run *body*, send the terminal signal, and return the result of *body*.

        *body* makes its changes in one `transaction`. An exception that ends the process, such as `KeyboardInterrupt`,
        is announced as a failure and raised unchanged. A failure that an earlier attempt announced is raised again.

        Raises:
            LbackError: The operation failed.
        """
        self._effects.began = self.began
        if self._session is not None:
            # If the database fails here, it fails again in the body, after the first signal.
            with contextlib.suppress(DatabaseError):
                require_transactional(self._database, self._session)
        if (refusal := self._effects.refusal) is not None:
            refusal.record(self._session)
            raise refusal.error
        try:
            if self.kind.started is not None:
                self.emit(self.kind.started, **self._documented(self.kind.started, {}))
            result = self._attempt(body) if self._session is not None else retried(lambda: self._attempt(body))
        except Exception as error:
            if outcome_of(error) == "committed":
                raise
            failure = to_lback_error(error)
            if self._is_one_of_several:
                failure = self._record_refusal(failure)
            else:
                self._announce_failure(failure)
            if failure is error:
                raise
            raise failure from error
        except BaseException as interruption:
            self._interrupt(interruption)
            raise
        if self._is_one_of_several:
            self._effects.waiting = self.announce_failure
        return result

    def _interrupt(self, interruption: BaseException) -> None:
        """Announce the failure by *interruption*, unless it came after the COMMIT."""
        if self._is_one_of_several:
            self._effects.waiting = self.announce_failure
            return
        if self._work is not None and self._session is None:
            settle_interruption(self._database, self._work, interruption, evidence_of_events(self._work))
        if outcome_of(interruption) != "committed":
            self._announce_failure(to_lback_error(interruption))

    def announce_failure(self, failure: LbackError) -> None:
        """Announce *failure* once the caller's transaction is rolled back and will not be retried."""
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
        """Send *signal* as the next one of this operation, unless an earlier attempt sent it."""
        if signal.name in self._effects.sent:
            return
        self._effects.sent.add(signal.name)
        self._effects.seq += 1
        self._effects.was_observed |= bool(signal.receivers or signals.delivered.receivers)
        with self._guard.active() if self._guard is not None and signal.receivers else contextlib.nullcontext():
            deliver(self, signal, arguments)

    def once_per_operation(self, name: Hashable, make: Callable[[], R]) -> R:
        """Return the result of *make*, which is called in the first attempt that needs it.

        Args:
            name: Identifies the result among those of the operation. It has to contain everything that the result
                depends on: a mail to one address does not replace a mail to another.
            make: Makes the result.
        """
        if name not in self._effects.made:
            self._effects.made[name] = make()
        return cast("R", self._effects.made[name])

    def note_mail(self, template: str, recipient: str, *, file: Path | None = None, queued: bool = False) -> None:
        """Note a mail of this operation for the caller; `PostedMail` explains the arguments."""
        self._effects.mails[template, recipient] = PostedMail(template, recipient, file, queued)
        self._effects.was_observed = True

    def earlier_result(self, name: Hashable) -> Any:
        """Return the result that `once_per_operation` has for *name*, or None."""
        return self._effects.made.get(name)

    def add_event(self, name: str, data: Mapping[str, Any]) -> None:
        """Record an administrative event of this operation, before the event of its success."""
        self._more_events.append(administrative_event(name, self.kind.name, data, operation_id=self.id))

    def track_changes(self, compute: Callable[[], Mapping[str, Any]]) -> None:
        """Use *compute* to find out what the transaction has changed. It is called after the receivers ran."""
        self._compute_changes = compute

    def changes(self, signal: NamedSignal) -> Mapping[str, Any] | None:
        """Return what the transaction has changed so far, if *signal* is the success of this operation."""
        if signal is not self.success_signal:
            return None
        return {} if self._compute_changes is None else self._compute_changes()

    def misuse(self) -> str | None:
        """Return what the receivers did to the session although they must not, or None."""
        return None if self._guard is None else self._guard.misuse()

    def signal_role(self, signal: NamedSignal) -> Role:
        """Return the role of *signal* in this operation."""
        if signal is self.kind.started:
            return "started"
        if signal is self.success_signal:
            return "success"
        return "failure" if signal is self.kind.failed else "progress"

    def read_only(self) -> contextlib.AbstractContextManager[UnitOfWork]:
        """Read without a write lock, so that other processes can write while this one hashes a password."""
        return reading(self._database, self._session)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[UnitOfWork]:
        """The one transaction of the operation. The success signal is sent at its end, before the commit."""
        with transaction_with_events(self._database, self._session) as uow:
            self._in_transaction = True
            self._work = uow
            self._guard = SessionGuard(uow.session)
            try:
                yield uow
                self._finish(uow)
            finally:
                self._guard = None
        self._succeeded = True

    def _finish(self, uow: UnitOfWork) -> None:
        """Send the success signal and append its event."""
        outcome = {"user": self.user, "session": uow.session, "reason": self.reason}
        arguments = self._documented(self.success_signal, outcome)
        self._announce_success(uow, arguments)
        changes = self.changes(self.success_signal) or {}
        self._effects.changes = changes
        event = self._event(self.success_signal, arguments, changes)
        uow.events.append([*self._more_events, event])
        if self._session is None:
            # A COMMIT that gets no answer would expire the loaded objects, even if it succeeded.
            uow.session.flush()
            uow.session.expunge_all()

    def _event(
        self, signal: NamedSignal, arguments: Mapping[str, Any], changes: Mapping[str, Any] | None = None
    ) -> EventRecord:
        name = (self.kind.event if signal is self.kind.succeeded else "") or signal.name
        undoes = self._effects.undoes
        return event_from_signal(name, self.kind.name, self.id, arguments, changes, undoes=undoes)

    def _announce_success(self, work: UnitOfWork, arguments: Mapping[str, Any]) -> None:
        """Send the success signal; a later attempt sends it again only if receivers wrote into this transaction."""
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
        """Record the failure in a transaction of its own, because the operation's is rolled back; send the signal."""
        arguments: dict[str, Any] = {}
        if self.on_failure is not None:
            with contextlib.suppress(Exception):
                self.on_failure()

        def record() -> None:
            with transaction_with_events(self._database, self._session) as work:
                arguments.update(self._failure_arguments(failure, work))
                work.events.append([self._event(self.kind.failed, arguments)])

        try:
            if isinstance(failure, OutcomeUnknown):
                # The log may already record the success; it must not contradict itself.
                self._user = None
            elif self._session is None:
                retried(record, waits=not is_unavailable(failure))
            else:
                record()
        except Exception as error:  # noqa: BLE001 - the signal is sent even if the event cannot be written
            if self._in_transaction:
                # Reading the expired user would need the database.
                self._user = self._found
            log_unrecorded(self.name, self.id, error)
        self.emit(self.kind.failed, **(arguments or self._failure_arguments(failure)))

    def _record_refusal(self, failure: LbackError) -> LbackError:
        """Record, announce and return *failure*. If the caller's transaction is aborted, return that error instead."""
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
        except Exception as error:  # noqa: BLE001 - the failure was announced already
            log_unrecorded(self.name, self.id, error)

    def _failure_arguments(self, failure: LbackError, work: UnitOfWork | None = None) -> dict[str, Any]:
        if work is not None and self._in_transaction and self.user is not None:
            self._user = reloaded(self.user, work)
        outcome = {
            "user": self.user,
            "error_type": failure.error_type,
            "reason": failure.error_type,
            "error_message": None if isinstance(failure, UnexpectedError) else failure.message,
            "exception": original_exception(failure),
        }
        return self._documented(self.kind.failed, outcome)

    def _documented(self, signal: NamedSignal, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """Return the documented arguments of *signal*; those that are not known are None."""
        known = {**outcome, **self._identity}
        if self.user is not None:
            known.setdefault("username", self.user.username)
        arguments = signals.CATALOGUE[signal.name].arguments
        return {argument.name: known.get(argument.name) for argument in arguments}
