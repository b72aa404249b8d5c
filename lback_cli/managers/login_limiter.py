"""Limit how often passwords can be guessed online.

Every login is counted before its password is checked, in a transaction of its own. So several processes together get no
more attempts than one process. A successful login no longer counts. After too many failed logins the account is locked
for a while; attempts on a locked account do not count and do not prolong the lock.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

from lback_cli.database.engine import Database
from lback_cli.database.retry import MAX_ATTEMPTS, retried
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_for_login
from lback_cli.repositories.account_repository import AccountRepository, LoginRecord
from lback_cli.repositories.unit_of_work import Evidence, UnitOfWork, holds_write_lock, settled_transaction, transaction
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.settings.schema import AuthenticationSettings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

R = TypeVar("R")

Reservation = Literal["reserved", "locked", "wait"]

PENDING_TIME = timedelta(seconds=30)
"""How long a login may take. After that it counts as failed, because its process may have died."""

_PAUSE = 0.05
"""Seconds until `LoginLimiter.reserve` looks again whether the logins under way have ended."""


class LoginLimiter:
    """Counts the logins of one database."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services
        self._settings: AuthenticationSettings = services.settings.authentication

    def reserve(self, identifier: str, session: "Session | None" = None) -> "LoginAttempt":
        """Count a login before its password is checked.

        If the account would be locked as soon as all logins under way failed, this method waits until they have ended.

        Args:
            identifier: The user name or the e-mail address, as typed.
            session: The caller's session, if the operation joins it. The login is counted in that session only if it
                holds the write lock of a SQLite file, for which another transaction would wait.
        """
        shared = session if session is not None and holds_write_lock(session) else None

        def count(uow: UnitOfWork, now: datetime) -> tuple[LoginRecord, Reservation]:
            return self._count(uow, identifier, now, waits=shared is None)

        while (found := self._change(count, shared))[1] == "wait":
            time.sleep(_PAUSE)
        record, outcome = found
        return LoginAttempt(record.key, is_locked=outcome == "locked", session=shared)

    def succeed(self, attempt: "LoginAttempt", uow: UnitOfWork | None = None) -> None:
        """Store that *attempt* succeeded, and forget failed logins; in *uow* if it is given."""

        def settle(record: LoginRecord, now: datetime) -> None:
            record.failures, record.first_failure, record.locked_until = 0, None, None
            record.last_login = now

        self._settle(attempt, settle, uow)

    def fail(self, attempt: "LoginAttempt") -> None:
        """Count *attempt* as failed, and lock the account after too many failed logins.

        If it took longer than `PENDING_TIME`, it may have been counted as failed before.
        """

        def settle(record: LoginRecord, now: datetime) -> None:
            if record.pending:
                _add_failures(record, 1, now, self._settings)

        self._settle(attempt, settle)

    def release(self, attempt: "LoginAttempt") -> None:
        """No longer count *attempt*: the login failed, but not because of the password."""
        self._settle(attempt, lambda _record, _now: None)

    def clear(self, uow: UnitOfWork, user_id: int) -> bool:
        """Forget the failed logins of the user with that id; return whether the account was locked."""
        accounts, now = AccountRepository(uow.session), self._services.now()
        record = accounts.find(_user_key(user_id), lock=True)
        if record is None:
            return False
        accounts.clear(record.key, now=now)
        return record.locked_until is not None and record.locked_until > now

    def count_reset_request(self, email: str, session: "Session | None" = None) -> bool:
        """Count a request for a reset link to *email*; return whether the address may still be sent one.

        Requests for addresses that no user has are counted too, so that the result does not show which addresses users
        have. These requests never lock an account.
        """
        shared = session if session is not None and holds_write_lock(session) else None
        return self._change(lambda uow, now: self._count_reset_request(uow, email, now), shared)[1]

    def _count_reset_request(self, uow: UnitOfWork, email: str, now: datetime) -> tuple[LoginRecord, bool]:
        accounts = AccountRepository(uow.session)
        record = accounts.get_or_add(LoginRecord(f"mail:{accounts.digest(email)}"), now=now)
        _limit_times(record, now, self._settings)
        if record.first_failure is None or record.first_failure + self._settings.window <= now:
            record.failures, record.first_failure = 0, now
        record.failures += 1
        accounts.save(record, now=now)
        accounts.delete_unknown(now - 2 * self._settings.window)
        return record, record.failures <= self._settings.max_reset_requests

    def _change(
        self, change: Callable[[UnitOfWork, datetime], tuple[LoginRecord, R]], shared: "Session | None"
    ) -> tuple[LoginRecord, R]:
        """Run *change*, which saves a record, in the session *shared* or in a transaction of its own.

        A transaction of its own is retried. It takes effect once, even if the connection is lost during COMMIT.
        """
        if shared is not None:
            with transaction(self._database, shared, tries=MAX_ATTEMPTS) as uow:
                return change(uow, self._services.now())

        def attempt() -> tuple[LoginRecord, R]:
            now = self._services.now()
            done: list[tuple[LoginRecord, R]] = []
            with settled_transaction(
                self._database, lambda _: self._evidence(done, now), settles_interruptions=False
            ) as uow:
                done.append(change(uow, now))
            return done[0]

        return retried(attempt)

    def _evidence(self, done: Sequence[tuple[LoginRecord, object]], saved_at: datetime) -> Evidence | None:
        """Return how to find out whether the record in *done* was committed with the time *saved_at*."""
        if not done:
            return None

        def look(uow: UnitOfWork) -> bool:
            return AccountRepository(uow.session).was_saved(done[0][0], saved_at, now=self._services.now())

        return Evidence(look, "Try again when the database is reachable.")

    def _settle(
        self,
        attempt: "LoginAttempt",
        change: Callable[[LoginRecord, datetime], None],
        uow: UnitOfWork | None = None,
    ) -> None:
        """Run *change* with the record of *attempt*, in which it is still counted as under way, and the time."""
        if attempt.is_settled or attempt.is_locked:
            return

        def settle(uow: UnitOfWork, now: datetime) -> tuple[LoginRecord, None]:
            accounts = AccountRepository(uow.session)
            record = accounts.find(attempt.key, lock=True)
            if record is None:
                # The user has been deleted.
                return LoginRecord(attempt.key), None
            change(record, now)
            record.pending = max(record.pending - 1, 0)
            accounts.save(record, now=now)
            return record, None

        if uow is not None:
            # The attempt is not settled yet, because this transaction may still be rolled back.
            settle(uow, self._services.now())
            return
        self._change(settle, attempt.session)
        attempt.is_settled = True

    def _count(
        self, uow: UnitOfWork, identifier: str, now: datetime, *, waits: bool
    ) -> tuple[LoginRecord, Reservation]:
        accounts = AccountRepository(uow.session)
        user = find_for_login(uow.users, self._services, identifier)
        record = accounts.get_or_add(self._new_record(accounts, identifier, user), now=now)
        self._expire(record, user, now)
        if record.locked_until is not None:
            outcome: Reservation = "locked"
        elif waits and record.pending and record.failures + record.pending >= self._settings.max_failures:
            outcome = "wait"
        else:
            record.pending += 1
            record.pending_until = now + PENDING_TIME
            outcome = "reserved"
        accounts.save(record, now=now)
        accounts.delete_unknown(now - 2 * self._settings.window)
        return record, outcome

    def _new_record(self, accounts: AccountRepository, identifier: str, user: UserRecord | None) -> LoginRecord:
        if user is not None:
            return LoginRecord(_user_key(user.id), user.id, user.created_at)
        return LoginRecord(f"name:{accounts.digest(identifier)}")

    def _expire(self, record: LoginRecord, user: UserRecord | None, now: datetime) -> None:
        """Forget failures and locks of *record* that are over, and count logins that never ended as failures."""
        if user is not None and record.user_created_at != user.created_at:
            # An application has given the id of a deleted user to another user.
            record.user_created_at, record.last_login = user.created_at, None
            record.failures, record.first_failure, record.locked_until = 0, None, None
            record.pending, record.pending_until = 0, None
        _limit_times(record, now, self._settings)
        if record.pending and record.pending_until is not None and record.pending_until <= now:
            _add_failures(record, record.pending, now, self._settings)
            record.pending, record.pending_until = 0, None
        if record.locked_until is not None and record.locked_until <= now:
            record.failures, record.first_failure, record.locked_until = 0, None, None
        if record.first_failure is not None and record.first_failure + self._settings.window <= now:
            record.failures, record.first_failure = 0, None


@dataclass(slots=True)
class LoginAttempt:
    """A counted login.

    Attributes:
        key: The key of its `LoginRecord`.
        is_locked: Whether the account is locked, so that no password is accepted.
        session: The caller's session, if the login was counted in it.
        is_settled: Whether its outcome is stored.
    """

    key: str
    is_locked: bool
    session: "Session | None" = None
    is_settled: bool = False


def _add_failures(record: LoginRecord, count: int, now: datetime, settings: AuthenticationSettings) -> None:
    record.failures += count
    record.first_failure = record.first_failure or now
    if record.failures >= settings.max_failures:
        record.locked_until = now + settings.window


def _limit_times(record: LoginRecord, now: datetime, settings: AuthenticationSettings) -> None:
    """Limit the times of *record*, which lie too far in the future if the clock was ahead and has been set back.

    Otherwise a lock, or a wait for a login whose process died, would last until the clock has caught up.
    """
    if record.locked_until is not None:
        record.locked_until = min(record.locked_until, now + settings.window)
    if record.first_failure is not None:
        record.first_failure = min(record.first_failure, now)
    if record.pending_until is not None:
        record.pending_until = min(record.pending_until, now + PENDING_TIME)


def _user_key(user_id: int) -> str:
    return f"user:{user_id}"
