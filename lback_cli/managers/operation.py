"""One run of one operation: its first signal, its transaction, and exactly one terminal signal, by construction."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import uuid4

from blinker import NamedSignal
from sqlalchemy import inspect
from sqlalchemy.orm import Session

from lback_cli import signals
from lback_cli.database.engine import Database
from lback_cli.errors import LbackError, UnexpectedError, Unusable
from lback_cli.events.record import EventRecord, event_of
from lback_cli.models import User
from lback_cli.repositories.work import Work, reading, transaction
from lback_cli.security.text import safe
from lback_cli.signals.delivery import deliver
from lback_cli.signals.emission import Role

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
        self._succeeded = False
        self._in_transaction = False

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
            result = body(self)
            if not self._succeeded:
                raise UnexpectedError(f"{self.kind.name} ended without an outcome.")  # noqa: TRY301 - one way to fail
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

    def emit(self, signal: NamedSignal, **arguments: Any) -> None:
        """Send one of the documented signals as the next one of this operation."""
        self.seq += 1
        deliver(self, signal, arguments)

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
        with transaction(self._database, self._session) as work:
            self._in_transaction = True
            yield work
            outcome = {"user": self.user, "session": work.session, "reason": self.reason}
            arguments = self._documented(self.success_signal, outcome)
            self.emit(self.success_signal, **arguments)
            work.events.append([self._event(self.success_signal, arguments)])
            self._succeeded = True

    def _announce_failure(self, failure: LbackError) -> None:
        """Record the failure in a transaction of its own, since that of the operation is gone, and send the signal."""
        arguments: dict[str, Any] = {}
        try:
            with transaction(self._database, self._session) as work:
                if self._in_transaction and self.user is not None:
                    self.user = _reloaded(self.user, work)
                arguments = self._failure_arguments(failure)
                work.events.append([self._event(self.kind.failed, arguments)])
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

    def _event(self, signal: NamedSignal, arguments: Mapping[str, Any]) -> EventRecord:
        return event_of(signal.name, self.kind.name, self.id, arguments)

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
