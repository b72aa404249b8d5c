"""Tokens, and the mail that carries them."""

from datetime import datetime, timedelta

from lback_cli.managers.mail_queue import queued
from lback_cli.managers.services import Services
from lback_cli.models import Purpose, QueuedMail, User
from lback_cli.repositories.work import Work
from lback_cli.security.tokens import generate_token, token_digest

_PURPOSES = {
    "verify_email": Purpose.VERIFY_EMAIL,
    "invitation": Purpose.RESET_PASSWORD,
    "reset_password": Purpose.RESET_PASSWORD,
}
"""The templates of mails with a link, and what the token in it is for."""


class MailedLinks:
    """Issues tokens and mails the links made of them. Raises `MailError` when a mail is not accepted.

    Where mail is queued, what is stored is a request for a link; its token is made when the mail is sent.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def issue(
        self, work: Work, user: User, purpose: Purpose, token: str, *, lifetime: timedelta | None = None
    ) -> datetime:
        """Store *token* for *user*, in place of older ones for that purpose; until when it works."""
        now, expires_at = self._term(purpose, lifetime)
        work.tokens.issue(user, purpose, token_digest(token), now=now, expires_at=expires_at)
        return expires_at

    def send_verification(self, work: Work, user: User) -> None:
        """Mail *user* a link that verifies the address."""
        self._send(work, user, "verify_email")

    def send_invitation(self, work: Work, user: User) -> None:
        """Mail *user*, who has no password yet, a link that sets it."""
        self._send(work, user, "invitation")

    def send_password_reset(self, work: Work, user: User) -> None:
        """Mail *user* a link that resets the password."""
        self._send(work, user, "reset_password")

    def issue_queued(self, work: Work, mail: QueuedMail, user: User) -> tuple[str, datetime]:
        """A token for the queued *mail*, and until when it works.

        Those of earlier tries of this mail stay alive: one may have arrived, and as all copies have the same
        Message-ID, it may be the only one that the user gets to see. All others died with the request.
        """
        assert mail.purpose is not None
        token = generate_token()
        now, expires_at = self._term(mail.purpose, self._lifetime(mail.template))
        work.tokens.add(user, mail.purpose, token_digest(token), now=now, expires_at=expires_at)
        return token, expires_at

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

    def _send(self, work: Work, user: User, template: str) -> None:
        purpose = _PURPOSES[template]
        if self._services.queues_mail:
            work.tokens.revoke(user, purpose)
            now = self._services.now()
            work.mails.add(queued(user, template, {"username": user.username}, now=now, purpose=purpose))
            return
        token = generate_token()
        expires_at = self.issue(work, user, purpose, token, lifetime=self._lifetime(template))
        self.mail(template, username=user.username, email=user.email, token=token, expires_at=expires_at)

    def _lifetime(self, template: str) -> timedelta | None:
        """The lifetime of a token in that mail, where it is not that of its purpose."""
        return self._services.settings.tokens.invitation_lifetime if template == "invitation" else None

    def _term(self, purpose: Purpose, lifetime: timedelta | None) -> tuple[datetime, datetime]:
        lifetimes = self._services.settings.tokens
        if lifetime is None:
            verifies = purpose == Purpose.VERIFY_EMAIL  # a stored one is plain text
            lifetime = lifetimes.verification_lifetime if verifies else lifetimes.reset_lifetime
        now = self._services.now()
        return now, now + lifetime
