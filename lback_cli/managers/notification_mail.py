"""Mail that tells of a change (ASVS 6.3.7). Whatever is mailed here is mailed once in an operation."""

from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.mail_queue import queued
from lback_cli.models import User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork


class MailedNotices:
    """Mails notices, or queues them with the change. Raises `MailError` when a mail is not accepted."""

    def __init__(self, services: Dependencies) -> None:
        self._services = services

    def send_password_changed(self, run: Operation, work: UnitOfWork, user: User, *, email: str) -> None:
        """Tell *email* that the password of *user* is another one now."""
        self._send(run, work, user, "password_changed", email, username=user.username)

    def send_email_changed(self, run: Operation, work: UnitOfWork, user: User, *, old_email: str) -> None:
        """Tell *old_email* that the account of *user* has moved to another address."""
        self._send(run, work, user, "email_changed", old_email, username=user.username, new_email=user.email)

    def mail(self, template: str, email: str, key: str, **details: str) -> None:
        """Mail the notice, now; *key* is unique to the change."""
        if template == "password_changed":
            self._services.mailer.send_password_changed(**details, email=email, key=key)
        else:
            self._services.mailer.send_email_changed(**details, old_email=email, key=key)

    def _send(self, run: Operation, work: UnitOfWork, user: User, template: str, email: str, **details: str) -> None:
        if self._services.queues_mail:
            work.mails.add(queued(user, template, details, now=self._services.now(), recipient=email, key=run.id))
        else:
            run.once_per_operation(
                (template, email, *details.values()), lambda: self.mail(template, email, run.id, **details)
            )
