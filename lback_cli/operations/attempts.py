"""The effects of an operation outside its transaction, so that a retry does not repeat them."""

import contextlib
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import event
from sqlalchemy.orm import Session

from lback_cli.database.retry import retried
from lback_cli.errors import LbackError
from lback_cli.operations.failures import RecordedFailure, to_lback_error
from lback_cli.repositories.unit_of_work import outcome_of

R = TypeVar("R")

CHUNK = 200
"""How many operations share a transaction at most: enough to save commits, few enough not to make others wait."""


@dataclass(frozen=True, slots=True)
class PostedMail:
    """A mail that an operation sent.

    Attributes:
        template: The name of its template.
        recipient: The e-mail address it is for.
        file: The file that it was written to, if it was not sent.
        queued: Whether it was queued, to be sent later.
    """

    template: str
    recipient: str
    file: Path | None = None
    queued: bool = False


class AttemptState:
    """The side effects of all attempts at one operation: signals, mail, and results of `Operation.once_per_operation`.

    A caller that retries a transaction with several operations passes each operation its own state again. A refused
    operation stays refused, because the refusal was announced. A failure of the database or an interruption is not
    announced at once. When the caller rolls back and does not retry, it calls `give_up` for each operation of the
    transaction, also for those that had succeeded. This announces their failure.

    Attributes:
        id: The operation id.
        began: When the first attempt began, once it has.
        seq: The number of signals sent.
        sent: The names of the signals sent.
        made: The results of `Operation.once_per_operation` by name.
        waiting: Announces the failure of the operation, while it is neither committed nor refused.
        refusal: The announced failure of a refused operation.
        changes: What the operation changed, once it has succeeded.
        mails: The mails that the operation sent, by template and recipient.
        undoes: The number of the event that the operation undoes, for its own event.
        was_observed: Whether a signal reached a receiver, or something was mailed.
    """

    def __init__(self, *, undoes: int | None = None) -> None:
        self.id = uuid4().hex
        self.began: datetime | None = None
        self.undoes = undoes
        self.seq = 0
        self.sent: set[str] = set()
        self.made: dict[Hashable, Any] = {}
        self.waiting: Callable[[LbackError], None] | None = None
        self.refusal: RecordedFailure | None = None
        self.changes: Mapping[str, Any] = {}
        self.mails: dict[tuple[str, str], PostedMail] = {}
        self.was_observed = False

    def give_up(self, error: BaseException) -> None:
        """Announce the failure of the operation by *error*. A refusal that was announced is only recorded again.

        Nothing is announced if *error* is an interruption that came after the COMMIT.
        """
        fail, self.waiting = self.waiting, None
        if outcome_of(error) == "committed":
            return
        if self.refusal is not None:
            self.refusal.record(None)
        elif fail is not None:
            fail(to_lback_error(error))


def retried_together(attempt: Callable[[], R], effects: Collection[AttemptState]) -> R:
    """Return the result of *attempt*, a transaction with several operations, which is retried if it may succeed then.

    If it fails for good, the failure of each operation is announced by its state in *effects*.
    """
    try:
        return retried(attempt)
    except BaseException as error:
        for state in effects:
            state.give_up(error)
        raise


@contextlib.contextmanager
def track_writes(session: Session) -> Iterator[list[str]]:
    """Collect the statements other than SELECT that the block executes in the transaction of *session*."""
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
