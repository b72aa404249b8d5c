"""What operations do outside of their transaction, so that one which is tried again does it once."""

import contextlib
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import event
from sqlalchemy.orm import Session

from lback_cli.database.retry import is_transient
from lback_cli.errors import DatabaseError, LbackError, UnexpectedError


@dataclass(frozen=True)
class RecordedFailure:
    """A failure that was announced. *record* appends its event in a session, or in a transaction of its own."""

    error: LbackError
    record: Callable[[Session | None], None]


class AttemptState:
    """What an operation has let out into the world, however often it was tried: signals, mail, and what `once` made.

    A caller that runs its own transaction again, with operations in it, hands each of them the same again. An operation
    that was refused stays refused then, as it was announced. One that the database failed, or that was interrupted, is
    not announced: as soon as the caller keeps nothing of its transaction it calls `give_up`, which announces that, and
    of those that had succeeded until then too.
    """

    def __init__(self) -> None:
        self.id = uuid4().hex
        self.seq = 0
        self.sent: set[str] = set()
        self.made: dict[Hashable, Any] = {}
        self.waiting: Callable[[LbackError], None] | None = None
        """Announces the failure of the operation, which has not failed for good, nor been committed."""
        self.refusal: RecordedFailure | None = None

    def give_up(self, error: BaseException) -> None:
        """Announce that *error* leaves nothing of the operation; a failure that was announced is recorded again."""
        fail, self.waiting = self.waiting, None
        if self.refusal is not None:
            self.refusal.record(None)
        elif fail is not None:
            fail(to_lback_error(error))


def aborts_transaction(error: LbackError) -> bool:
    """Whether *error* leaves the transaction unusable in which the operation was one of several."""
    return isinstance(error, DatabaseError) or is_transient(error)


@contextlib.contextmanager
def track_writes(session: Session) -> Iterator[list[str]]:
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


def to_lback_error(error: BaseException) -> LbackError:
    """*error* as one that operations raise: what none raises on purpose is behind an `UnexpectedError`."""
    if isinstance(error, LbackError):
        return error
    unexpected = UnexpectedError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    unexpected.__cause__ = error
    return unexpected
