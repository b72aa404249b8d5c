"""Mail with a link: tokens are issued and mailed, each mail once in an operation."""

from datetime import datetime, timedelta

from lback_cli import signals
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_tokens import link_tokens
from lback_cli.managers.mail_queue import language_of, queued_mail
from lback_cli.models import Purpose, QueuedMail, User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork

_PURPOSES = {
    "verify_email": Purpose.VERIFY_EMAIL,
    "invitation": Purpose.RESET_PASSWORD,
    "reset_password": Purpose.RESET_PASSWORD,
}
"""The templates of mails with a link, and the purpose of the token in each."""


class LinkMail:
    """Issues tokens, and mails or queues the links to use them.

    A queued mail is only a request for a link. Its token is issued when the mail is sent. Sending raises `MailError` if
    the mail is not accepted.
    """

    def __init__(self, services: Dependencies) -> None:
        self._services = services
        self.tokens = link_tokens(services)

    def send_verification(self, operation: Operation, uow: UnitOfWork, user: User) -> None:
        """Send *user* a verification link."""
        self._send(operation, uow, user, "verify_email")

    def initiate_verification(self, operation: Operation, uow: UnitOfWork, user: User) -> None:
        """Send *user* a verification link, and announce it."""
        self.send_verification(operation, uow, user)
        operation.emit(signals.user_email_verification_initiated, user=user)

    def send_invitation(self, operation: Operation, uow: UnitOfWork, user: User) -> None:
        """Send *user*, who has no password, a link to set one."""
        self._send(operation, uow, user, "invitation")

    def send_password_reset(self, operation: Operation, uow: UnitOfWork, user: User) -> None:
        """Send *user* a reset link."""
        self._send(operation, uow, user, "reset_password")

    def issue_token(self, uow: UnitOfWork, mail: QueuedMail, user: User) -> tuple[str, datetime]:
        """Issue the token of a queued *mail*; return it and when it expires.

        Tokens of earlier attempts to send this mail stay valid. One of the copies may have arrived, and as all copies
        have the same Message-ID, the recipient may see only that one. Other tokens were revoked by the request.
        """
        purpose = _PURPOSES[mail.template]
        token = self.tokens.generate(purpose)
        lifetime = self._lifetime(mail.template)
        return token, self.tokens.issue(uow, user, purpose, token, lifetime=lifetime, keep_others=True)

    def _send(self, operation: Operation, uow: UnitOfWork, user: User, template: str) -> None:
        """Queue the mail, or issue its token and send it.

        Later attempts of *operation* store the same token and send no second mail.
        """
        purpose = _PURPOSES[template]
        details = {"username": user.username, **language_of(user, self._services.settings)}
        if self._services.queues_mail:
            self.tokens.revoke(uow, user, purpose)
            now = self._services.now()
            uow.mails.add(queued_mail(user, template, details, now=now, purpose=purpose))
            operation.note_mail(template, user.email, queued=True)
            return
        token = operation.once_per_operation((template, "token", user.email), lambda: self.tokens.generate(purpose))
        expires_at = self.tokens.issue(uow, user, purpose, token, lifetime=self._lifetime(template))
        file = operation.once_per_operation(
            (template, "mail", user.username, user.email),
            lambda: self._services.mailer.send_link(
                template, **details, email=user.email, token=token, expires_at=expires_at
            ),
        )
        operation.note_mail(template, user.email, file=file)

    def _lifetime(self, template: str) -> timedelta | None:
        """Return the lifetime of the token in that mail, or None for that of its purpose."""
        return self._services.settings.tokens.invitation_lifetime if template == "invitation" else None


def announce_verified_by_admin(operation: Operation, user: User) -> None:
    """Announce that an administrator marked the address of *user* as verified."""
    operation.emit(signals.user_email_verification_successful, user=user, reason="set_by_administrator")
