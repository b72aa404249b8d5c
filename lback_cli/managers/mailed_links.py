"""What users are mailed: links with tokens, and notices. Whatever is mailed here is mailed once in an operation."""

from collections.abc import Callable
from datetime import timedelta

from lback_cli import signals
from lback_cli.managers.link_tokens import link_tokens
from lback_cli.managers.operation import Operation
from lback_cli.managers.services import Services
from lback_cli.models import Purpose, User
from lback_cli.repositories.work import Work


class MailedLinks:
    """Issues *tokens* and mails the links made of them. Raises `MailError` when a mail is not accepted."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self.tokens = link_tokens(services)

    def send_verification(self, run: Operation, work: Work, user: User) -> None:
        """Mail *user* a link that verifies the address."""
        self._send(run, work, user, Purpose.VERIFY_EMAIL, self._services.mailer.send_verification)

    def initiate_verification(self, run: Operation, work: Work, user: User) -> None:
        """`send_verification`, and announce it."""
        self.send_verification(run, work, user)
        run.emit(signals.user_email_verification_initiated, user=user)

    def send_invitation(self, run: Operation, work: Work, user: User) -> None:
        """Mail *user*, who has no password yet, a link that sets it."""
        lifetime = self._services.settings.tokens.invitation_lifetime
        self._send(run, work, user, Purpose.RESET_PASSWORD, self._services.mailer.send_invitation, lifetime=lifetime)

    def send_password_reset(self, run: Operation, work: Work, user: User) -> None:
        """Mail *user* a link that resets the password."""
        self._send(run, work, user, Purpose.RESET_PASSWORD, self._services.mailer.send_password_reset)

    def notify_of_password(self, run: Operation, username: str, email: str) -> None:
        """Tell *email* that the password is another one now."""
        run.once(
            ("password_changed", username, email),
            lambda: self._services.mailer.send_password_changed(username=username, email=email, key=run.id),
        )

    def notify_of_address(self, run: Operation, user: User, old_email: str) -> None:
        """Tell *old_email* that the account of *user* has moved to its new address."""
        run.once(
            ("email_changed", user.username, old_email, user.email),
            lambda: self._services.mailer.send_email_changed(
                username=user.username, old_email=old_email, new_email=user.email, key=run.id
            ),
        )

    def _send(
        self,
        run: Operation,
        work: Work,
        user: User,
        purpose: Purpose,
        send: Callable[..., None],
        *,
        lifetime: timedelta | None = None,
    ) -> None:
        """Store and mail a token; in a later try of *run* the same one is stored again, and no second mail is sent."""
        token = run.once((purpose, "token", user.email), lambda: self.tokens.generate(purpose))
        expires_at = self.tokens.issue(work, user, purpose, token, lifetime=lifetime)
        run.once(
            (purpose, "mail", user.username, user.email),
            lambda: send(username=user.username, email=user.email, token=token, expires_at=expires_at),
        )


def announce_vouched(run: Operation, user: User) -> None:
    """Say that the address of *user* counts as verified without a link, as an administrator said so."""
    run.emit(signals.user_email_verification_successful, user=user, reason="set_by_administrator")
