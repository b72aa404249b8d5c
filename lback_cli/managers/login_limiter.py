"""Limiting online guessing of passwords.

Every login is counted before its password is checked, in a transaction of its own, so that processes together get no
more attempts than one. A success gives its count back. After too many failures the account is locked for a while;
attempts on a locked account do not count and do not prolong the lock.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from lback_cli.database.engine import Database
from lback_cli.database.retry import MAX_ATTEMPTS, retried
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_lookup import find_by_identifier
from lback_cli.repositories.account_repository import AccountRepository, LoginRecord
from lback_cli.repositories.unit_of_work import UnitOfWork, holds_write_lock, transaction
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.settings.schema import AuthenticationSettings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Reservation = Literal["reserved", "locked", "wait"]

PENDING_TIME = timedelta(seconds=30)
"""How long a password check may take before its login counts as failed: the process may be dead."""

_PAUSE = 0.05
"""Seconds between two looks at logins under way."""


class LoginLimiter:
    """Counts the logins of one database."""

    def __init__(self, database: Database, services: Dependencies) -> None:
        self._database = database
        self._services = services
        self._settings: AuthenticationSettings = services.settings.authentication

    def reserve(self, identifier: str, session: "Session | None" = None) -> "LoginAttempt":
        """Count a login before its password is checked.

        If the account would be locked should all logins under way fail, this waits for them.

        Args:
            identifier: The user name or the e-mail address, as typed.
            session: The caller's session, if the operation joins it. The count is on its connection only if that
                holds the one write lock of a SQLite file.
        """
        shared = session if session is not None and holds_write_lock(session) else None

        def count() -> tuple[str, Reservation]:
            with transaction(self._database, shared, tries=MAX_ATTEMPTS) as uow:
                return self._count(uow, identifier, waits=shared is None)

        while (found := count() if shared is not None else retried(count))[1] == "wait":
            time.sleep(_PAUSE)
        key, outcome = found
        return LoginAttempt(key, is_locked=outcome == "locked", session=shared)

    def succeed(self, attempt: "LoginAttempt", uow: UnitOfWork | None = None) -> None:
        """Give the count of *attempt* back, forget failures, and store the login; in *uow* if it is given."""

        def settle(record: LoginRecord, now: datetime) -> None:
            record.failures, record.first_failure, record.locked_until = 0, None, None
            record.last_login = now

        self._settle(attempt, settle, uow)

    def fail(self, attempt: "LoginAttempt") -> None:
        """Count *attempt* as failed, and lock the account after too many."""
        self._settle(attempt, lambda record, now: _add_failures(record, 1, now, self._settings))

    def release(self, attempt: "LoginAttempt") -> None:
        """Give the count of *attempt* back: its password was right, but the login failed for another reason."""
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

        It counts addresses that no user has too, so that the answer does not show which are known. No account is ever
        locked by it.
        """
        shared = session if session is not None and holds_write_lock(session) else None

        def count() -> bool:
            with transaction(self._database, shared, tries=MAX_ATTEMPTS) as uow:
                return self._count_reset_request(uow, email)

        return count() if shared is not None else retried(count)

    def _count_reset_request(self, uow: UnitOfWork, email: str) -> bool:
        accounts, now = AccountRepository(uow.session), self._services.now()
        record = accounts.get_or_add(LoginRecord(f"mail:{accounts.digest(email)}"), now=now)
        if record.first_failure is None or record.first_failure + self._settings.window <= now:
            record.failures, record.first_failure = 0, now
        record.failures += 1
        accounts.save(record, now=now)
        accounts.delete_unknown(now - 2 * self._settings.window)
        return record.failures <= self._settings.max_reset_requests

    def _settle(
        self,
        attempt: "LoginAttempt",
        change: Callable[[LoginRecord, datetime], None],
        uow: UnitOfWork | None = None,
    ) -> None:
        if attempt.is_settled or attempt.is_locked:
            return

        def settle(uow: UnitOfWork) -> None:
            accounts, now = AccountRepository(uow.session), self._services.now()
            record = accounts.find(attempt.key, lock=True)
            if record is not None:
                record.pending = max(0, record.pending - 1)
                change(record, now)
                accounts.save(record, now=now)

        def settle_alone() -> None:
            with transaction(self._database, attempt.session, tries=MAX_ATTEMPTS) as own:
                settle(own)

        if uow is not None:
            # Its transaction may still be rolled back.
            settle(uow)
            return
        if attempt.session is not None:
            settle_alone()
        else:
            retried(settle_alone)
        attempt.is_settled = True

    def _count(self, uow: UnitOfWork, identifier: str, *, waits: bool) -> tuple[str, Reservation]:
        accounts, now = AccountRepository(uow.session), self._services.now()
        user = find_by_identifier(uow.users, self._services, identifier)
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
        return record.key, outcome

    def _new_record(self, accounts: AccountRepository, identifier: str, user: UserRecord | None) -> LoginRecord:
        if user is not None:
            return LoginRecord(_user_key(user.id), user.id, user.created_at)
        return LoginRecord(f"name:{accounts.digest(identifier)}")

    def _expire(self, record: LoginRecord, user: UserRecord | None, now: datetime) -> None:
        """Forget what is over in *record*, and count checks that never ended as failures."""
        if user is not None and record.user_created_at != user.created_at:
            # An application gave the id of a deleted user to another.
            record.user_created_at, record.last_login = user.created_at, None
            record.failures, record.first_failure, record.locked_until = 0, None, None
            record.pending, record.pending_until = 0, None
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
        session: The caller's session, if it was counted there.
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


def _user_key(user_id: int) -> str:
    return f"user:{user_id}"
