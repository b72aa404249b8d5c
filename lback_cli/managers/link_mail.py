"""Tokens, and the mail that carries them. Whatever is mailed here is mailed once in an operation."""

from datetime import datetime, timedelta

from lback_cli import signals
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_tokens import link_tokens
from lback_cli.managers.mail_queue import queued
from lback_cli.models import Purpose, QueuedMail, User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork

_PURPOSES = {
    "verify_email": Purpose.VERIFY_EMAIL,
    "invitation": Purpose.RESET_PASSWORD,
    "reset_password": Purpose.RESET_PASSWORD,
}
"""The templates of mails with a link, and what the token in it is for."""


class MailedLinks:
    """Issues *tokens* and mails the links made of them. Raises `MailError` when a mail is not accepted.

    Where mail is queued, what is stored is a request for a link; its token is made when the mail is sent.
    """

    def __init__(self, services: Dependencies) -> None:
        self._services = services
        self.tokens = link_tokens(services)

    def send_verification(self, run: Operation, work: UnitOfWork, user: User) -> None:
        """Mail *user* a link that verifies the address."""
        self._send(run, work, user, "verify_email")

    def initiate_verification(self, run: Operation, work: UnitOfWork, user: User) -> None:
        """`send_verification`, and announce it."""
        self.send_verification(run, work, user)
        run.emit(signals.user_email_verification_initiated, user=user)

    def send_invitation(self, run: Operation, work: UnitOfWork, user: User) -> None:
        """Mail *user*, who has no password yet, a link that sets it."""
        self._send(run, work, user, "invitation")

    def send_password_reset(self, run: Operation, work: UnitOfWork, user: User) -> None:
        """Mail *user* a link that resets the password."""
        self._send(run, work, user, "reset_password")

    def issue_queued(self, work: UnitOfWork, mail: QueuedMail, user: User) -> tuple[str, datetime]:
        """A token for the queued *mail*, and until when it works.

        Those of earlier tries of this mail stay alive: one may have arrived, and as all copies have the same
        Message-ID, it may be the only one that the user gets to see. All others died with the request.
        """
        purpose = _PURPOSES[mail.template]
        token = self.tokens.generate(purpose)
        lifetime = self._lifetime(mail.template)
        return token, self.tokens.issue(work, user, purpose, token, lifetime=lifetime, beside_others=True)

    def mail(
        self, template: str, *, username: str, email: str, token: str, expires_at: datetime, key: str | None = None
    ) -> None:
        """Mail the link with *token*, now; *key* is as for `Mailer`."""
        mailer = self._services.mailer
        send = {
            "verify_email": mailer.send_verification,
            "invitation": mailer.send_invitation,
            "reset_password": mailer.send_password_reset,
        }[template]
        send(username=username, email=email, token=token, expires_at=expires_at, key=key)

    def _send(self, run: Operation, work: UnitOfWork, user: User, template: str) -> None:
        """Queue the mail; or store and mail a token, in a later try of *run* the same one and without a second mail."""
        purpose = _PURPOSES[template]
        if self._services.queues_mail:
            self.tokens.revoke(work, user, purpose)
            now = self._services.now()
            work.mails.add(queued(user, template, {"username": user.username}, now=now, purpose=purpose))
            return
        token = run.once_per_operation((template, "token", user.email), lambda: self.tokens.generate(purpose))
        expires_at = self.tokens.issue(work, user, purpose, token, lifetime=self._lifetime(template))
        run.once_per_operation(
            (template, "mail", user.username, user.email),
            lambda: self.mail(template, username=user.username, email=user.email, token=token, expires_at=expires_at),
        )

    def _lifetime(self, template: str) -> timedelta | None:
        """The lifetime of a token in that mail, where it is not that of its purpose."""
        return self._services.settings.tokens.invitation_lifetime if template == "invitation" else None


def announce_verified_by_admin(run: Operation, user: User) -> None:
    """Say that the address of *user* counts as verified without a link, as an administrator said so."""
    run.emit(signals.user_email_verification_successful, user=user, reason="set_by_administrator")
