"""Mail that tells of a change (ASVS 6.3.7)."""

from lback_cli.managers.mail_queue import queued
from lback_cli.managers.services import Services
from lback_cli.models import User
from lback_cli.repositories.work import Work


class MailedNotices:
    """Mails notices, or queues them with the change. Raises `MailError` when a mail is not accepted.

    *key* is unique to the change, such as the id of its operation.
    """

    def __init__(self, services: Services) -> None:
        self._services = services

    def send_password_changed(self, work: Work, user: User, *, email: str, key: str) -> None:
        """Tell *email* that the password of *user* is another one now."""
        self._send(work, user, "password_changed", email, key, username=user.username)

    def send_email_changed(self, work: Work, user: User, *, old_email: str, key: str) -> None:
        """Tell *old_email* that the account of *user* has moved to another address."""
        self._send(work, user, "email_changed", old_email, key, username=user.username, new_email=user.email)

    def mail(self, template: str, email: str, key: str, **details: str) -> None:
        """Mail the notice, now."""
        if template == "password_changed":
            self._services.mailer.send_password_changed(**details, email=email, key=key)
        else:
            self._services.mailer.send_email_changed(**details, old_email=email, key=key)

    def _send(self, work: Work, user: User, template: str, email: str, key: str, **details: str) -> None:
        if self._services.queues_mail:
            mail = queued(user, template, details, now=self._services.now(), recipient=email, key=key)
            work.mails.add(mail)
        else:
            self.mail(template, email, key, **details)
