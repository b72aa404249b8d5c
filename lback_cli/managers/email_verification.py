"""Verifying e-mail addresses with the token in a mailed link."""

from lback_cli import signals
from lback_cli.errors import InvalidToken
from lback_cli.managers.arguments import require_id, require_text
from lback_cli.managers.changes import track_user
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import LinkMail
from lback_cli.managers.user_lookup import not_found
from lback_cli.models import Purpose, User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.user_reader import UserRecord


class EmailVerification:
    """Verifies addresses and mails links again, within the operations of a `UserManager`."""

    def __init__(self, services: Dependencies, links: LinkMail) -> None:
        self._services = services
        self._links = links

    def verify(self, operation: Operation, token: str) -> User:
        """Verify the address; the errors are those of `UserManager.verify_user_email`."""
        require_text(token=token)
        tokens = self._links.tokens
        with operation.transaction() as uow:
            found = tokens.find(uow, token, Purpose.VERIFY_EMAIL)
            user = operation.user = uow.users.get(found.user_id, lock=True) if found else None
            if found is None or user is None:
                raise InvalidToken("This verification token is unknown.")
            alive = tokens.consume(uow, token, Purpose.VERIFY_EMAIL)
            if found.email != user.email:
                raise InvalidToken(
                    "This verification token was sent to another address.", error_type="token_mismatch_or_expired"
                )
            if user.is_email_verified:
                operation.reason = "already_verified"
            elif alive:
                user_id = user.id
                track_user(operation, uow, self._services.attributes, UserRecord.of(user), lambda: user_id)
                uow.users.change(user, is_email_verified=True, updated_at=self._services.now())
            else:
                raise InvalidToken(
                    "This verification token is used or expired.", error_type="token_mismatch_or_expired"
                )
        return user

    def resend(self, operation: Operation, user_id: int) -> User:
        """Mail a new link; the errors are those of `UserManager.resend_verification`."""
        require_id(user_id)
        with operation.transaction() as uow:
            user = operation.user = uow.users.get(user_id, lock=True)
            if user is None:
                raise not_found(f"id:{user_id}")
            if user.is_email_verified:
                operation.success_signal = signals.user_email_verification_successful
                operation.reason = "already_verified"
            else:
                self._links.send_verification(operation, uow, user)
        return user
