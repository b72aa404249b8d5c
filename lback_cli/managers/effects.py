"""What operations do outside of their transaction, so that one which is tried again does it once."""

import contextlib
from collections.abc import Callable, Hashable, Iterator
from typing import Any
from uuid import uuid4

from sqlalchemy import event
from sqlalchemy.orm import Session

from lback_cli.database.retry import is_transient
from lback_cli.errors import DatabaseError, LbackError, UnexpectedError


class Effects:
    """What an operation has let out into the world, however often it was tried: signals, mail, and what `once` made.

    A caller that runs its own transaction again, with operations in it, hands each of them the same again. Such an
    operation leaves a failure that may pass to its caller, unannounced. Where the database lets the caller keep
    nothing, `give_up` announces the failure of each, of those too that had succeeded until then.
    """

    def __init__(self) -> None:
        self.id = uuid4().hex
        self.seq = 0
        self.sent: set[str] = set()
        self.made: dict[Hashable, Any] = {}
        self.waiting: Callable[[LbackError], None] | None = None
        """Announces the failure of the operation, which has not failed for good, nor been committed."""

    def give_up(self, error: LbackError) -> None:
        """Announce that nothing is left of the operation, unless it has failed already."""
        fail, self.waiting = self.waiting, None
        if fail is not None:
            fail(error)


def ends_all(error: LbackError) -> bool:
    """Whether *error* leaves the transaction unusable in which the operation was one of several."""
    return isinstance(error, DatabaseError) or is_transient(error)


@contextlib.contextmanager
def noticed_writes(session: Session) -> Iterator[list[str]]:
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


def unexpected(error: BaseException) -> UnexpectedError:
    """*error*, which no operation raises on purpose, as one that it may."""
    unexpected = UnexpectedError(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    unexpected.__cause__ = error
    return unexpected
