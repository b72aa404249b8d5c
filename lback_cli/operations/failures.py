"""The failure of an operation: its error, and whether it was recorded."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from lback_cli.database.retry import is_transient
from lback_cli.errors import DatabaseError, LbackError, OutcomeUnknown, UnexpectedError, Unusable
from lback_cli.repositories.unit_of_work import outcome_of
from lback_cli.text.escaping import safe


@dataclass(frozen=True)
class RecordedFailure:
    """A failure that was announced. *record* appends its event in a session, or in a new transaction."""

    error: LbackError
    record: Callable[[Session | None], None]


def to_lback_error(error: BaseException) -> LbackError:
    """Return *error* as an `LbackError`; any other exception becomes the cause of an `UnexpectedError`."""
    if isinstance(error, LbackError):
        return error
    if outcome_of(error) == "unknown":
        interrupted = OutcomeUnknown("COMMIT was interrupted: whether the change was made is unknown.")
        interrupted.__cause__ = error
        return interrupted
    unexpected = UnexpectedError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    unexpected.__cause__ = error
    return unexpected


def aborts_transaction(error: LbackError) -> bool:
    """Return whether *error* makes the surrounding transaction unusable."""
    return isinstance(error, DatabaseError) or is_transient(error)


def original_exception(failure: LbackError) -> Exception | None:
    """Return the exception that caused *failure*, or *failure* itself; None if the operation was refused."""
    if isinstance(failure, Unusable) or failure.error_type == UnexpectedError.error_type:
        # What ends the process, such as KeyboardInterrupt, is not an Exception.
        return failure.__cause__ if isinstance(failure.__cause__, Exception) else failure
    return None


def log_unrecorded(operation: str, operation_id: str, error: Exception) -> None:
    """Log that the event of a failure is missing, as the event log cannot be written; not if *error* came after it."""
    if outcome_of(error) == "committed":
        return
    import logging

    logging.getLogger("lback_cli.events").error(
        "The failure of %s %s could not be recorded in the event log: %s", operation, operation_id, safe(error)
    )
