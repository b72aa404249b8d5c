"""Resetting passwords: the mailed link, the token in it, and the reset by an administrator."""

from lback_cli import signals
from lback_cli.errors import InvalidToken, TooManyRequests
from lback_cli.managers.application import Application
from lback_cli.managers.arguments import require_id, require_text
from lback_cli.managers.changes import track_user
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import LinkMail
from lback_cli.managers.login_limiter import LoginLimiter
from lback_cli.managers.notification_mail import NotificationMail
from lback_cli.managers.user_lookup import find_by_identifier, not_found
from lback_cli.models import Purpose, User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.repositories.user_reader import UserRecord
from lback_cli.security.stored_hashes import is_unusable


class PasswordReset:
    """Mails reset links and sets new passwords, within the operations of a `UserManager`."""

    def __init__(
        self, services: Dependencies, links: LinkMail, notices: NotificationMail, limiter: LoginLimiter
    ) -> None:
        self._services = services
        self._links = links
        self._notices = notices
        self._limiter = limiter
        self._application = Application(services)

    def request(self, operation: Operation, email: str) -> bool:
        """Mail a link; the errors are those of `UserManager.reset_password_request`."""
        require_text(email=email)
        if not operation.once_per_operation(
            "counted", lambda: self._limiter.count_reset_request(email, operation.session)
        ):
            raise TooManyRequests
        with operation.transaction() as uow:
            record = find_by_identifier(uow.users, self._services, email) if "@" in email else None
            # Without the lock, two requests at once would leave two valid links.
            user = operation.user = None if record is None else uow.users.get(record.id, lock=True)
            if user is None:
                raise not_found(email)
            self._links.send_password_reset(operation, uow, user)
        return True

    def reset(self, operation: Operation, token: str, new_password: str) -> User:
        """Set the password; the errors are those of `UserManager.reset_password`."""
        require_text(token=token, new_password=new_password)
        tokens = self._links.tokens
        with operation.read_only() as uow:
            found = tokens.find(uow, token, Purpose.RESET_PASSWORD)
            user = operation.user = uow.users.get(found.user_id) if found else None
        if found is None or user is None or found.email != user.email:
            raise InvalidToken("This reset token is unknown.")
        if not found.is_valid(self._services.now()):
            raise InvalidToken("This reset token is used or expired.")
        password_hash = self._hash(operation, user, new_password)
        was_invited = is_unusable(user.password_hash)
        with operation.transaction() as uow:
            # Every operation locks the user before the token. With another order, two could wait for each other.
            uow.users.get(user.id, lock=True)
            if not tokens.consume(uow, token, Purpose.RESET_PASSWORD):
                raise InvalidToken("This reset token is used or expired.")
            user = operation.user = self._set_password(operation, uow, user.id, password_hash)
            if was_invited and not user.is_email_verified and found.email == user.email:
                # A user who sets the first password has read the invitation, which proves the address.
                uow.users.change(user, is_email_verified=True)
                operation.emit(signals.user_email_verification_successful, user=user, reason=None)
        return user

    def reset_by_admin(self, operation: Operation, user_id: int, token: str, new_password: str) -> User:
        """Set the password with *token*, issued for this; the errors are those of `UserManager.reset_user_password`."""
        require_id(user_id)
        require_text(new_password=new_password)
        tokens = self._links.tokens
        with operation.read_only() as uow:
            user = operation.user = uow.users.get(user_id)
        if user is None:
            raise not_found(f"id:{user_id}")
        password_hash = self._hash(operation, user, new_password)
        with operation.transaction() as uow:
            user = operation.user = uow.users.get(user_id, lock=True)
            if user is None:
                raise not_found(f"id:{user_id}")
            tokens.issue(uow, user, Purpose.RESET_PASSWORD, token)
            tokens.consume(uow, token, Purpose.RESET_PASSWORD)
            user = operation.user = self._set_password(operation, uow, user_id, password_hash)
        return user

    def _hash(self, operation: Operation, user: User, new_password: str) -> str:
        accepted = self._services.policy.check(new_password, username=user.username, email=user.email)
        return operation.once_per_operation("hash", lambda: self._services.hasher.hash(accepted))

    def _set_password(self, operation: Operation, uow: UnitOfWork, user_id: int, password_hash: str) -> User:
        user = uow.users.get(user_id, lock=True)
        if user is None:
            raise not_found(f"id:{user_id}")
        track_user(operation, uow, self._services.attributes, UserRecord.of(user), lambda: user_id)
        uow.users.change(user, password_hash=password_hash, updated_at=self._services.now())
        self._limiter.clear(uow, user_id)
        self._application.end_sessions(uow, user)
        self._links.tokens.revoke_all(uow, user)
        self._notices.send_password_changed(operation, uow, user, email=user.email)
        return user
