"""Tokens, and the mail that carries them."""

from collections.abc import Callable

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

    def send_password_reset(self, run: Operation, work: Work, user: User) -> None:
        """Mail *user* a link that resets the password."""
        self._send(run, work, user, Purpose.RESET_PASSWORD, self._services.mailer.send_password_reset)

    def _send(self, run: Operation, work: Work, user: User, purpose: Purpose, send: Callable[..., None]) -> None:
        """Store and mail a token; in a later try of *run* the same one is stored again, and no second mail is sent."""
        token = run.once((purpose, "token", user.email), lambda: self.tokens.generate(purpose))
        expires_at = self.tokens.issue(work, user, purpose, token)
        run.once(
            (purpose, "mail", user.username, user.email),
            lambda: send(username=user.username, email=user.email, token=token, expires_at=expires_at),
        )
