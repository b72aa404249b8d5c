"""Retry a transaction that failed for a reason that may pass."""

import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from sqlalchemy.exc import DBAPIError

from lback_cli.database.error_codes import (
    CONFLICTS,
    DUPLICATES,
    EXISTING,
    FAILOVER,
    LOST,
    LOST_RACES,
    STARTING,
    UNREACHABLE,
    error_code,
)
from lback_cli.errors import DatabaseError, LbackError, OutcomeUnknown, UnexpectedError

R = TypeVar("R")

MAX_ATTEMPTS = 5
"""Maximum attempts after a lock timeout or a lost connection."""

MAX_ATTEMPTS_ON_CONFLICT = 20
"""Maximum attempts after a lost race. There are more, because such an attempt fails at once, while another transaction
succeeds."""

_INITIAL_DELAY = 0.05
"""Maximum seconds before the second attempt."""

_RESTART_DELAY = 1.0
"""Maximum seconds before the second attempt if the server is restarting."""

_DEFAULT_TIMEOUT = 10.0
"""Seconds to retry while the server is not available, for an error that does not say so."""

_MAX_DOUBLINGS = 3
"""How often the maximum delay doubles."""

_SQLITE_BUSY = 5  # the low byte of SQLITE_BUSY_SNAPSHOT and related codes


class MigratedMeanwhile(DatabaseError):  # noqa: N818 - named like the errors of lback
    """Another process has migrated the tables since this one looked at their version."""


def retried(
    function: Callable[[], R],
    *,
    is_retryable: Callable[[LbackError], bool] | None = None,
    initial_delay: float = _INITIAL_DELAY,
    waits: bool = True,
) -> R:
    """Call *function*, call it again after each retryable error, and return its result.

    The delays between the attempts are random, so that two transactions that collided do not collide again. If the
    server cannot be reached at the first attempt, there is no other, because the host or port may be wrong. If it could
    be reached before, or is not available, there are attempts until `DatabaseError.retry_timeout` has passed.

    Args:
        function: Runs one or more whole transactions, so that a failed attempt changes nothing.
        is_retryable: Returns whether a further attempt may succeed after the error; the default is `is_transient`.
        initial_delay: Maximum seconds before the second attempt. Later delays double, up to eight times this value.
        waits: Whether to wait for a server that is not available.

    Raises:
        LbackError: The error of the last attempt, after `MAX_ATTEMPTS` or `MAX_ATTEMPTS_ON_CONFLICT`.
    """
    is_retryable = is_retryable or is_transient
    attempts, was_reachable = 0, False
    deadline: float | None = None
    while True:
        try:
            return function()
        except LbackError as error:
            attempts += 1
            causes = list(driver_errors(error))
            unavailable = is_unavailable(error) or (was_reachable and any(map(_is_unreachable, causes)))
            was_reachable = was_reachable or unavailable or any(map(is_lost, causes))
            if unavailable:
                deadline = deadline or time.monotonic() + _retry_timeout(error)
                if not waits or time.monotonic() >= deadline:
                    raise
            else:
                is_immediate = (
                    is_lost_race(error)
                    or isinstance(error, MigratedMeanwhile)
                    or any(error_code(cause) in DUPLICATES | EXISTING for cause in causes)
                )
                limit = MAX_ATTEMPTS_ON_CONFLICT if is_immediate else MAX_ATTEMPTS
                if attempts >= limit or not is_retryable(error):
                    raise
        # Outside the except block, so that the next error does not have this one as its context.
        delay = max(initial_delay, _RESTART_DELAY) if unavailable else initial_delay
        delay *= random.uniform(0.1, 1) * 2 ** min(attempts - 1, _MAX_DOUBLINGS)  # noqa: S311 - not a secret
        time.sleep(min(delay, max(deadline - time.monotonic(), 0)) if unavailable and deadline else delay)


def is_unavailable(error: LbackError) -> bool:
    """Return whether the server answers but does not do its work yet.

    It starts up or shuts down, is a standby that may be promoted, or a node of a cluster without a quorum.
    """
    return not isinstance(error, OutcomeUnknown) and any(
        is_starting(cause) or is_failover(cause) for cause in driver_errors(error)
    )


def is_transient(error: LbackError) -> bool:
    """Return whether the same transaction may succeed if it is repeated, and none of it was kept.

    True for a serialization failure, a deadlock, a lock timeout, a connection lost before COMMIT (the server rolls
    back), and a server that is starting. Also true for a violation of a unique index after lback found the value free:
    the other row came after the transaction's snapshot, or is gone again.
    """
    if isinstance(error, OutcomeUnknown) or not isinstance(error, DatabaseError | UnexpectedError):
        return False
    causes = list(driver_errors(error))
    if isinstance(error, DatabaseError) and any(error_code(cause) in DUPLICATES for cause in causes):
        return True
    return any(is_conflict(cause) or is_lost(cause) or is_starting(cause) for cause in causes)


def is_migrated_meanwhile(error: LbackError) -> bool:
    """Return whether a migration found what another process has just done, or is transient."""
    return (
        isinstance(error, MigratedMeanwhile)
        or is_transient(error)
        or any(error_code(cause) in EXISTING for cause in driver_errors(error))
    )


def is_lost_race(error: LbackError) -> bool:
    """Return whether another transaction changed the same rows first, which the database reports at once."""
    return any(error_code(cause) in LOST_RACES for cause in driver_errors(error))


def is_disconnect(error: DatabaseError) -> bool:
    """Return whether the connection was lost, so that the outcome of a COMMIT is unknown."""
    return any(is_lost(cause) for cause in driver_errors(error))


def is_conflict(error: DBAPIError) -> bool:
    """Return whether another transaction was in the way: serialization failure, deadlock or lock timeout."""
    driver = error.orig
    if (code := getattr(driver, "sqlite_errorcode", None)) is not None:
        return bool(code & 0xFF == _SQLITE_BUSY)
    return error_code(error) in CONFLICTS


def is_lost(error: DBAPIError) -> bool:
    """Return whether an established connection was lost, or the server does not know the outcome of a COMMIT."""
    return error.connection_invalidated or error_code(error) in LOST


def is_starting(error: DBAPIError) -> bool:
    """Return whether the server refused the connection because it is starting up or shutting down."""
    if (code := error_code(error)) is not None:
        return code in STARTING
    # psycopg has no SQLSTATE for a connection that could not be established.
    return error.statement is None and "the database system is " in str(error.orig)


def is_failover(error: DBAPIError) -> bool:
    """Return whether the server takes no writes but may soon, as a standby. False if a setting of the user says so."""
    return error_code(error) in FAILOVER and not getattr(error, "lback_is_setting", False)


def _retry_timeout(error: LbackError) -> float:
    timeout = error.retry_timeout if isinstance(error, DatabaseError) else None
    return _DEFAULT_TIMEOUT if timeout is None else timeout


def _is_unreachable(error: DBAPIError) -> bool:
    if (code := error_code(error)) is not None:
        return code in UNREACHABLE
    words = str(error.orig).lower()
    return error.statement is None and any(
        part in words for part in ("connection refused", "no such file", "closed the connection", "reset by peer")
    )


def driver_errors(error: BaseException) -> Iterator[DBAPIError]:
    """Yield the driver's errors, including those hidden by a rollback that failed too, as on MariaDB's deadlocks."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if isinstance(cause, DBAPIError):
            yield cause
        cause = cause.__cause__ or cause.__context__
