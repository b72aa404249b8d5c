"""One run of one operation: its first signal, its transaction, and exactly one terminal signal, by construction."""

import contextlib
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from uuid import uuid4

from blinker import NamedSignal
from sqlalchemy import event, inspect
from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.database.retry import TRIES, retried
from lback_cli.errors import DatabaseError, LbackError, OutcomeUnknown, UnexpectedError, Unusable
from lback_cli.events.record import event_of
from lback_cli.models import User
from lback_cli.repositories.work import Work, reading, transaction, was_committed
from lback_cli.security.text import safe
from lback_cli.signals.delivery import Role, deliver

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class OperationKind:
    """What is documented of an operation: its name and its first, its successful and its failed signal."""

    name: str
    started: NamedSignal | None
    succeeded: NamedSignal
    failed: NamedSignal


REGISTER_USER = OperationKind(
    "register_user",
    signals.user_registration_started,
    signals.user_registered,
    signals.user_registration_failed,
)
AUTHENTICATE_USER = OperationKind(
    "authenticate_user",
    signals.user_authentication_started,
    signals.user_authenticated,
    signals.user_authentication_failed,
)
VERIFY_USER_EMAIL = OperationKind(
    "verify_user_email",
    None,
    signals.user_email_verification_successful,
    signals.user_email_verification_failed,
)
RESEND_VERIFICATION = OperationKind(
    "resend_verification",
    None,
    signals.user_email_verification_initiated,
    signals.user_email_verification_failed,
)
UPDATE_USER = OperationKind(
    "update_user",
    signals.user_update_started,
    signals.user_updated,
    signals.user_update_failed,
)
DELETE_USER = OperationKind(
    "delete_user",
    signals.user_deletion_started,
    signals.user_deleted,
    signals.user_deletion_failed,
)
RESET_PASSWORD_REQUEST = OperationKind(
    "reset_password_request",
    signals.password_reset_request_started,
    signals.password_reset_request_processed,
    signals.password_reset_request_failed,
)
RESET_PASSWORD = OperationKind(
    "reset_password",
    signals.password_reset_started,
    signals.password_reset_successful,
    signals.password_reset_failed,
)


class Operation:
    """One run of the operation *kind* of a manager, the sender.

    *identity* is what the documented arguments call the run: ``username``, ``user_id``, ``token_prefix`` and so on.
    The body sets `user` as soon as it has found one, and `reason` where success has one; both reach the signals.

    With a transaction of its own it is tried again where the database gives the transaction up for reasons that pass
    (see `lback_cli.database.retry`): the whole body runs again, and still its effects come once. What leaves the
    database, such as a mail, goes through `once`. A signal that was sent is not sent again, except where its receivers
    wrote into the transaction that was rolled back, and what they wrote with it.
    In a caller's session nothing is tried again: with the transaction, it is the caller's work too that is gone.
    """

    def __init__(
        self, kind: OperationKind, sender: Any, database: Database, session: Session | None, identity: Mapping[str, Any]
    ) -> None:
        self.kind = kind
        self.id = uuid4().hex
        self.seq = 0
        self.sender = sender
        self.user: User | None = None
        self.reason: str | None = None
        self.success_signal = kind.succeeded
        self._database = database
        self._session = session
        self._identity = identity
        self._sent: set[str] = set()
        self._made: dict[Hashable, Any] = {}
        self._begin()

    def _begin(self) -> None:
        """What a try begins with."""
        self.user = None
        self.reason = None
        self.success_signal = self.kind.succeeded
        self._succeeded = False
        self._in_transaction = False
        self._event_seq = 0

    @property
    def name(self) -> str:
        """The operation's documented name."""
        return self.kind.name

    def run(self, body: Callable[["Operation"], R]) -> R:
        """Send the first signal, run *body*, send the terminal signal, and return what *body* returns.

        *body* changes the database in one `transaction`. Raises an `LbackError` for every failure; what ends the
        process, such as `KeyboardInterrupt`, is announced as a failure too and then raised as it is.
        """
        try:
            if self.kind.started is not None:
                self.emit(self.kind.started, **self._documented(self.kind.started, {}))
            result = self._try(body) if self._session is not None else retried(lambda: self._try(body))
        except Exception as error:
            failure = error if isinstance(error, LbackError) else _unexpected(error)
            self._announce_failure(failure)
            if failure is error:
                raise
            raise failure from error
        except BaseException as error:
            self._announce_failure(_unexpected(error))
            raise
        return result

    def _try(self, body: Callable[["Operation"], R]) -> R:
        self._begin()
        result = body(self)
        if not self._succeeded:
            raise UnexpectedError(f"{self.kind.name} ended without an outcome.")
        return result

    def emit(self, signal: NamedSignal, **arguments: Any) -> None:
        """Send one of the documented signals as the next one of this operation, unless an earlier try sent it."""
        if signal.name in self._sent:
            return
        self._sent.add(signal.name)
        self.seq += 1
        deliver(self, signal, arguments)

    def once(self, name: Hashable, make: Callable[[], R]) -> R:
        """What *make* returns, called in the first try that comes here, and the same in every later one.

        *name* tells it from the other things that the operation makes, and is to hold all that it depends on: what an
        earlier try mailed to one address is no mail to another.
        """
        if name not in self._made:
            self._made[name] = make()
        return cast("R", self._made[name])

    def earlier(self, name: Hashable) -> Any:
        """What `once` made under *name* in an earlier try; None where it did not."""
        return self._made.get(name)

    def role(self, signal: NamedSignal) -> Role:
        """What *signal* means in this operation."""
        if signal is self.kind.started:
            return "started"
        if signal is self.success_signal:
            return "success"
        return "failure" if signal is self.kind.failed else "progress"

    def reading(self) -> contextlib.AbstractContextManager[Work]:
        """Look things up without a write lock, so that what takes long, such as hashing, holds up nobody."""
        return reading(self._database, self._session)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Work]:
        """The one transaction: at its end, and before the commit, the success signal is sent."""
        with self._recorded() as work:
            self._in_transaction = True
            yield work
            outcome = {"user": self.user, "session": work.session, "reason": self.reason}
            arguments = self._documented(self.success_signal, outcome)
            self._announce_success(work, arguments)
            self._append(work, self.success_signal, arguments)
            if self._session is None:
                # A COMMIT without an answer would expire what was loaded, also where it turns out to have worked.
                work.session.flush()
                work.session.expunge_all()
        self._succeeded = True

    @contextlib.contextmanager
    def _recorded(self) -> Iterator[Work]:
        """A transaction that ends with an event, whose number answers what became of it if COMMIT has no answer."""
        lost: BaseException | None = None
        try:
            with transaction(self._database, self._session, tries=TRIES) as work:
                yield work
        except OutcomeUnknown as unknown:
            if not self._was_committed(unknown):
                lost = unknown.__cause__
        if lost is not None:
            # So what COMMIT met is all that happened.
            raise lost

    def _was_committed(self, unknown: OutcomeUnknown) -> bool:
        try:
            return was_committed(self._database, self._event_seq, self.id)
        except DatabaseError:
            raise OutcomeUnknown(
                f"{unknown.message.removesuffix('.')}, as it cannot be reached again.",
                hint=f"It was made if 'lback events list -o json' shows an event with the operation_id {self.id}.",
            ) from unknown.__cause__

    def _append(self, work: Work, signal: NamedSignal, arguments: Mapping[str, Any]) -> None:
        self._event_seq = work.events.append([event_of(signal.name, self.kind.name, self.id, arguments)])

    def _announce_success(self, work: Work, arguments: Mapping[str, Any]) -> None:
        """Send the success signal, which a later try is not to send again unless receivers write into this one."""
        if self._session is not None or not self.success_signal.receivers:
            self.emit(self.success_signal, **arguments)
            return
        with _noticed_writes(work.session) as written:
            try:
                self.emit(self.success_signal, **arguments)
                work.session.flush()
            finally:
                if written:
                    self._sent.discard(self.success_signal.name)

    def _announce_failure(self, failure: LbackError) -> None:
        """Record the failure in a transaction of its own, since that of the operation is gone, and send the signal."""
        arguments: dict[str, Any] = {}

        def record() -> None:
            with self._recorded() as work:
                if self._in_transaction and self.user is not None:
                    self.user = _reloaded(self.user, work)
                arguments.update(self._failure_arguments(failure))
                self._append(work, self.kind.failed, arguments)

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

    def _failure_arguments(self, failure: LbackError) -> dict[str, Any]:
        outcome = {
            "user": self.user,
            "error_type": failure.error_type,
            "reason": failure.error_type,
            "error_message": None if isinstance(failure, UnexpectedError) else failure.message,
            "exception": foreign_exception(failure),
        }
        return self._documented(self.kind.failed, outcome)

    def _documented(self, signal: NamedSignal, outcome: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments that the catalogue lists for *signal*, out of what is known."""
        known = {**outcome, **self._identity}
        if self.user is not None:
            known.setdefault("username", self.user.username)
        arguments = signals.CATALOGUE[signal.name].arguments
        return {argument.name: known.get(argument.name) for argument in arguments}


def _reloaded(user: User, work: Work) -> User | None:
    """*user* as it is in the database: rolling back expired what was loaded and undid what was changed."""
    identity = inspect(user).identity
    return None if identity is None else work.users.get(identity[0])


@contextlib.contextmanager
def _noticed_writes(session: Session) -> Iterator[list[str]]:
    """The statements other than queries that the block sends in the transaction of *session*."""
    session.flush()
    written: list[str] = []
    connection = session.connection()

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.lstrip().upper().startswith("SELECT"):
            written.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    try:
        yield written
    finally:
        event.remove(connection, "before_cursor_execute", note)


def _log_unrecorded(operation: Operation, error: Exception) -> None:
    """The database is gone, and the event log with it: say so where it can still be seen."""
    import logging

    logging.getLogger("lback_cli.events").error(
        "The failure of %s %s could not be recorded in the event log: %s", operation.name, operation.id, safe(error)
    )


def _unexpected(error: BaseException) -> UnexpectedError:
    unexpected = UnexpectedError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    unexpected.__cause__ = error
    return unexpected


def foreign_exception(failure: LbackError) -> BaseException | None:
    """The exception that made the operation fail, the foreign one where there is one; a refusal by a rule has none."""
    if isinstance(failure, Unusable) or failure.error_type == UnexpectedError.error_type:
        return failure.__cause__ or failure
    return None
