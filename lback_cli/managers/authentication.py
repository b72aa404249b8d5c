"""Authenticating a user by password."""

from contextlib import AbstractContextManager
from functools import partial

from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.errors import AuthenticationFailed
from lback_cli.managers.arguments import require_text
from lback_cli.managers.changes import track_user
from lback_cli.managers.decoy import find_decoy
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.login_limiter import LoginAttempt, LoginLimiter
from lback_cli.managers.user_lookup import find_for_login
from lback_cli.models import User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork, holds_write_lock, reading
from lback_cli.repositories.user_reader import UserRecord

GUESSES = frozenset({"user_not_found", "incorrect_password"})
"""The reasons for which a failed login counts as a guess."""


class Authenticator:
    """Checks passwords, within the operations of a `UserManager`."""

    def __init__(self, database: Database, services: Dependencies, limiter: LoginLimiter) -> None:
        self._database = database
        self._services = services
        self._limiter = limiter

    def authenticate(self, operation: Operation, identifier: str, password: str, *, allow_unverified: bool) -> User:
        """Check *password*; the arguments and errors are those of `UserManager.authenticate_user`."""
        require_text(username=identifier, password=password)
        with self._read(operation.session) as uow:
            record = find_for_login(uow.users, self._services, identifier)
            user = operation.user = None if record is None else uow.users.get(record.id)
            checked_against = find_decoy(uow, identifier) if user is None else user
            stored = None if checked_against is None else checked_against.password_hash
        attempt = self._reserve(operation, identifier)
        try:
            return self._check(operation, attempt, user, password, stored, allow_unverified=allow_unverified)
        except AuthenticationFailed as error:
            if error.error_type in GUESSES:
                self._limiter.fail(attempt)
            raise

    def _read(self, session: Session | None) -> AbstractContextManager[UnitOfWork]:
        """Read the user without taking a lock for which counting the login would wait.

        In a caller's session on SQLite, the first statement may take the write lock of the file.
        """
        if session is not None and session.get_bind().dialect.name == "sqlite" and not holds_write_lock(session):
            session = None
        return reading(self._database, session)

    def _reserve(self, operation: Operation, identifier: str) -> LoginAttempt:
        """Count the login once, however often the operation is retried."""
        attempt = operation.once_per_operation("attempt", lambda: self._limiter.reserve(identifier, operation.session))
        operation.on_failure = partial(self._limiter.release, attempt)
        return attempt

    def _check(
        self,
        operation: Operation,
        attempt: LoginAttempt,
        user: User | None,
        password: str,
        stored: str | None,
        *,
        allow_unverified: bool,
    ) -> User:
        hasher = self._services.hasher
        checked = hasher.verify(password, stored)
        if attempt.is_locked:
            raise AuthenticationFailed("account_locked")
        if user is None:
            raise AuthenticationFailed("user_not_found")
        if not checked.accepted:
            raise AuthenticationFailed("incorrect_password")
        _require_login_allowed(user, allow_unverified=allow_unverified)
        if operation.session is not None:
            self._limiter.succeed(attempt)
        with operation.transaction() as uow:
            locked = uow.users.get(user.id, lock=True)
            if locked is not None and locked.password_hash != stored:
                # Another login has replaced the hash, or the password was changed.
                checked = hasher.verify(password, locked.password_hash)
                if not checked.accepted:
                    raise AuthenticationFailed("incorrect_password")
            operation.user = current = _require_login_allowed(locked, allow_unverified=allow_unverified)
            if checked.replacement is not None:
                before = UserRecord.of(current)
                track_user(operation, uow, self._services.attributes, before, lambda: current.id, rehashes=True)
                uow.users.replace_password_hash(current, checked.replacement, now=self._services.now())
            if operation.session is None:
                self._limiter.succeed(attempt, uow)
        return current


def _require_login_allowed(user: User | None, *, allow_unverified: bool) -> User:
    """Return *user* if the account may log in."""
    if user is None:
        raise AuthenticationFailed("user_not_found")
    if not user.is_active:
        raise AuthenticationFailed("user_inactive")
    if not (user.is_email_verified or allow_unverified):
        raise AuthenticationFailed("email_not_verified")
    return user
