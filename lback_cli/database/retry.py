"""Doing work again whose transaction the database gave up for reasons that pass."""

import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from lback_cli.database.error_codes import (
    CONFLICTS,
    DUPLICATES,
    LOST,
    LOST_RACES,
    STARTING,
    UNREACHABLE,
    error_code,
)
from lback_cli.errors import DatabaseError, LbackError, OutcomeUnknown, UnexpectedError

R = TypeVar("R")

MAX_ATTEMPTS = 5
"""How often work is begun at most that waited in vain for a lock, or lost its connection."""

MAX_ATTEMPTS_ON_CONFLICT = 20
"""How often work is begun at most that others were faster than: such a try ends at once, and somebody has got on."""

_PAUSE = 0.05
"""Seconds to wait at most before the second try; each further wait may last twice as long, the longest eight times."""

_RESTART = 1.0
"""The same, where the server is about to return."""

_SQLITE_BUSY = 5  # the low byte of SQLITE_BUSY_SNAPSHOT and its like


def retried(work: Callable[[], R], *, passes: Callable[[LbackError], bool] | None = None, pause: float = _PAUSE) -> R:
    """What *work* returns, begun anew, after a random wait, where it fails with what *passes* says may pass.

    *work* must be a whole transaction, or hold whole ones, so that nothing is left of a try that failed. By default
    `is_transient` says what passes. The waits are random, so that those who got into each other's way do not meet
    again. A server that is out of reach may be starting again if it was there before, but a first connection fails at
    once: its host or port may be wrong. Raises what the last of `MAX_ATTEMPTS`, or of `MAX_ATTEMPTS_ON_CONFLICT`,
    raised.
    """
    passes = passes or is_transient
    tried, was_there = 0, False
    while True:
        try:
            return work()
        except LbackError as error:
            tried += 1
            causes = list(_causes(error))
            starting = any(map(is_starting, causes))
            returns = starting or (was_there and any(map(_is_unreachable, causes)))
            was_there = was_there or starting or any(map(is_lost, causes))
            if not (passes(error) or returns) or tried >= (
                MAX_ATTEMPTS_ON_CONFLICT if _is_lost_race(error) else MAX_ATTEMPTS
            ):
                raise
        # Outside of the except block, or the next error would have this one as its context.
        wait = max(pause, _RESTART) if returns else pause
        time.sleep(random.uniform(0.1, 1) * wait * 2 ** min(tried - 1, 3))  # noqa: S311 - no secret


def is_transient(error: LbackError) -> bool:
    """Whether the same work may succeed when it is done again, nothing of it having been kept.

    So it is after a serialization failure, a deadlock or a wait for a lock that took too long, and where the
    connection was lost before COMMIT: the server rolls back then; or where the server is starting. It is so too where a
    unique index refused what lback then could not find: it came after the transaction's snapshot, or is gone again.
    """
    if isinstance(error, OutcomeUnknown) or not isinstance(error, DatabaseError | UnexpectedError):
        return False
    causes = list(_causes(error))
    if isinstance(error, DatabaseError) and any(error_code(cause) in DUPLICATES for cause in causes):
        return True
    return any(is_conflict(cause) or is_lost(cause) or is_starting(cause) for cause in causes)


def _is_lost_race(error: LbackError) -> bool:
    return any(error_code(cause) in LOST_RACES | DUPLICATES for cause in _causes(error))


def is_disconnect(error: DatabaseError) -> bool:
    """Whether the connection was lost on the way, so that only a look can tell what became of a COMMIT."""
    return any(is_lost(cause) for cause in _causes(error))


def is_conflict(error: DBAPIError) -> bool:
    """Whether others were in the way: a serialization failure, a deadlock, or a lock that did not come free."""
    driver = error.orig
    if (code := getattr(driver, "sqlite_errorcode", None)) is not None:
        return bool(code & 0xFF == _SQLITE_BUSY)
    return error_code(error) in CONFLICTS


def is_lost(error: DBAPIError) -> bool:
    """Whether an established connection was lost, or its server does not know what became of a COMMIT."""
    return error.connection_invalidated or error_code(error) in LOST


def is_starting(error: DBAPIError) -> bool:
    """Whether the server took no connection as it is starting up or shutting down."""
    if (code := error_code(error)) is not None:
        return code == STARTING
    # What psycopg raises for a connection that did not come about has no SQLSTATE.
    return error.statement is None and "the database system is " in str(error.orig)


def _is_unreachable(error: DBAPIError) -> bool:
    if (code := error_code(error)) is not None:
        return code in UNREACHABLE
    words = str(error.orig).lower()
    return error.statement is None and any(
        part in words for part in ("connection refused", "no such file", "closed the connection", "reset by peer")
    )


def _causes(error: BaseException) -> Iterator[DBAPIError]:
    """What the driver said, also where a rollback that failed in turn hides it, as MariaDB's after a deadlock does."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, DBAPIError):
            yield cause
        cause = cause.__cause__ or cause.__context__
