"""Notifications of changes (ASVS 6.3.7), each mailed once in an operation."""

from pathlib import Path

from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.mail_queue import language_of, queued_mail
from lback_cli.models import User
from lback_cli.operations.operation import Operation
from lback_cli.repositories.unit_of_work import UnitOfWork


class NotificationMail:
    """Sends notifications, or queues them with the change. Sending raises `MailError` if the mail is not accepted."""

    def __init__(self, services: Dependencies) -> None:
        self._services = services

    def send_password_changed(self, operation: Operation, uow: UnitOfWork, user: User, *, email: str) -> None:
        """Notify *email* that the password of *user* was changed."""
        self._send(operation, uow, user, "password_changed", email, username=user.username)

    def send_email_changed(self, operation: Operation, uow: UnitOfWork, user: User, *, old_email: str) -> None:
        """Notify *old_email* that *user* has another address now."""
        self._send(operation, uow, user, "email_changed", old_email, username=user.username, new_email=user.email)

    def send_now(self, template: str, email: str, key: str, **details: str) -> Path | None:
        """Send the notification; *key* is unique to the change, and the result is as for `Mailer`."""
        if template == "password_changed":
            return self._services.mailer.send_password_changed(**details, email=email, key=key)
        return self._services.mailer.send_email_changed(**details, old_email=email, key=key)

    def _send(
        self, operation: Operation, uow: UnitOfWork, user: User, template: str, email: str, **details: str
    ) -> None:
        details |= language_of(user, self._services.settings)
        if self._services.queues_mail:
            mail = queued_mail(user, template, details, now=self._services.now(), recipient=email, key=operation.id)
            uow.mails.add(mail)
            operation.note_mail(template, email, queued=True)
        else:
            file = operation.once_per_operation(
                (template, email, *details.values()), lambda: self.send_now(template, email, operation.id, **details)
            )
            operation.note_mail(template, email, file=file)
