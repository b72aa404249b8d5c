"""Tokens, and the mail that carries them."""

from datetime import datetime, timedelta

from lback_cli.managers.services import Services
from lback_cli.models import Purpose, User
from lback_cli.repositories.work import Work
from lback_cli.security.tokens import generate_token, token_digest


class MailedLinks:
    """Issues tokens and mails the links made of them. Raises `MailError` when a mail is not accepted."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def issue(
        self, work: Work, user: User, purpose: Purpose, token: str, *, lifetime: timedelta | None = None
    ) -> datetime:
        """Store *token* for *user*, in place of older ones for that purpose; until when it works."""
        lifetimes = self._services.settings.tokens
        if lifetime is None:
            verifies = purpose is Purpose.VERIFY_EMAIL
            lifetime = lifetimes.verification_lifetime if verifies else lifetimes.reset_lifetime
        now = self._services.now()
        expires_at = now + lifetime
        work.tokens.issue(user, purpose, token_digest(token), now=now, expires_at=expires_at)
        return expires_at

    def send_verification(self, work: Work, user: User) -> None:
        """Mail *user* a link that verifies the address."""
        token = generate_token()
        expires_at = self.issue(work, user, Purpose.VERIFY_EMAIL, token)
        self._services.mailer.send_verification(
            username=user.username, email=user.email, token=token, expires_at=expires_at
        )

    def send_invitation(self, work: Work, user: User) -> None:
        """Mail *user*, who has no password yet, a link that sets it."""
        token = generate_token()
        lifetime = self._services.settings.tokens.invitation_lifetime
        expires_at = self.issue(work, user, Purpose.RESET_PASSWORD, token, lifetime=lifetime)
        self._services.mailer.send_invitation(
            username=user.username, email=user.email, token=token, expires_at=expires_at
        )

    def send_password_reset(self, work: Work, user: User) -> None:
        """Mail *user* a link that resets the password."""
        token = generate_token()
        expires_at = self.issue(work, user, Purpose.RESET_PASSWORD, token)
        self._services.mailer.send_password_reset(
            username=user.username, email=user.email, token=token, expires_at=expires_at
        )
