"""Delivery of queued mail: one mail at a time, each held by one of any number of processes."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from lback_cli.database.engine import Database
from lback_cli.errors import MailError, Unusable
from lback_cli.lease import RELEASED, Lease
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import LinkMail
from lback_cli.managers.notification_mail import NotificationMail
from lback_cli.models import Purpose, QueuedMail, User
from lback_cli.relay.loop import Backoff, DeliveryLoop
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.thread_runner import run_all
from lback_cli.repositories.unit_of_work import reading, transaction

PAGE = 50
"""Mails that are read from the queue at a time."""

MAIL_BACKOFF = Backoff(initial=30.0, maximum=3600.0)
"""After the mail server temporarily rejected a mail."""

SERVER_BACKOFF = Backoff(initial=0.5, maximum=300.0)
"""After the mail server or the database failed."""

LEASE = timedelta(minutes=1)
"""How long a process holds a mail, beyond the time that the mail server has for its answers."""

_MAX_ANSWERS = 10
"""Answers that a mail server gives for one mail, at most, each within the configured timeout."""

NAME = "mail"
"""What messages call the queue."""

_BRAKE = 3
"""Refusals of mail from lback in a row after which its settings are taken to be the reason, and not the recipients."""


@dataclass(slots=True)
class MailReport:
    """The outcome of one run; *error* says why the mail server took no mail at all, and *hint* what to check."""

    delivered: int = 0
    dead: int = 0
    deferred: int = 0
    withdrawn: int = 0
    error: str | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class _ClaimedMail:
    """A mail that this process holds, with the token of its link if it has one."""

    mail: QueuedMail
    token: str | None = None
    expires_at: datetime | None = None


class MailDelivery:
    """Sends the queued mail of one database."""

    def __init__(
        self,
        database: Database,
        services: Dependencies,
        observer: RelayObserver,
        *,
        mail_backoff: Backoff = MAIL_BACKOFF,
        server_backoff: Backoff = SERVER_BACKOFF,
    ) -> None:
        """Create a delivery that begins with `run`.

        Args:
            database: The queue.
            services: The settings and the mailer.
            observer: Receives reports about failures and dead letters.
            mail_backoff: The delays after the mail server temporarily rejected a mail.
            server_backoff: The delays after the mail server or the database failed.
        """
        settings = services.settings.email
        self.report = MailReport()
        self._database = database
        self._services = services
        self._links = LinkMail(services)
        self._notifications = NotificationMail(services)
        self._observer = observer
        self._max_attempts = settings.max_attempts
        self._mail_backoff = mail_backoff
        self._server_backoff = server_backoff
        self._lease = Lease(LEASE + timedelta(seconds=_MAX_ANSWERS * settings.timeout), services.now)
        self._refusals = 0
        self._stop = threading.Event()
        self._loop = DeliveryLoop(
            NAME, observer, backoff=server_backoff, max_attempts=self._max_attempts, stop=self._stop
        )

    def run(self, *, once: bool) -> MailReport:
        """Send the mail that is due until interrupted; with *once*, until none is due or the server takes none.

        Raises:
            DatabaseError: With *once*.
            ConfigurationError: If a setting or a template cannot be used.
        """
        run_all([partial(self._loop.run, self._step, once=once)], self._stop)
        return self.report

    def _step(self) -> bool:
        """Send the mail that is due; return False if there is no more to do."""
        try:
            sent_any = self._deliver_due()
        except MailError as error:
            self.report.error, self.report.hint = error.message, error.hint
            if self._loop.once:
                return False
            self._loop.report_failure(_with_hint(error))
            self._loop.wait(self._server_backoff.delay(self._loop.failures))
            return True
        self.report.error = self.report.hint = None
        return sent_any or self._loop.poll()

    def _deliver_due(self) -> bool:
        """Try to send each mail that is due.

        Returns:
            True if there was any.

        Raises:
            MailError: If the mail server takes no mail at all.
        """
        with reading(self._database) as uow:
            due = [*uow.mails.due(self._services.now(), PAGE)]
        tried_any = False
        for mail in due:
            if not self._loop.stopped and self._lease.holder(mail) is None:
                tried_any = True
                if (claimed := self._claim(mail)) is not None:
                    self._deliver(claimed)
        return tried_any

    def _claim(self, mail: QueuedMail) -> _ClaimedMail | None:
        """Acquire the lease of *mail* and issue its token, in one transaction.

        Returns:
            None if another process was faster, or if the link is no longer needed and the mail was deleted.
        """
        with transaction(self._database) as uow:
            # Lock the user before the mail, as operations do: the other order could deadlock.
            user = None if mail.purpose is None else uow.users.get(mail.user_id, lock=True)
            if not uow.mails.acquire(mail, self._lease):
                return None
            current = uow.mails.get(mail.id)
            assert current is not None
            if current.retry_at is None or current.retry_at > self._services.now():
                # Another process has tried it since it was read.
                uow.mails.release(mail.id, owner=self._lease.owner)
                return None
            if current.purpose is None:
                return _ClaimedMail(current)
            if user is None or user.email != current.recipient or _is_verified(current, user):
                uow.mails.delete(mail.id, owner=self._lease.owner)
                self.report.withdrawn += 1
                return None
            token, expires_at = self._links.issue_token(uow, current, user)
            return _ClaimedMail(current, token, expires_at)

    def _deliver(self, claimed: _ClaimedMail) -> None:
        """Send one mail and store the outcome.

        Raises:
            MailError: If the mail server takes no mail at all.
        """
        mail = claimed.mail
        try:
            self._send(claimed)
        except MailError as error:
            takes_none = self._takes_none(error)
            self._reschedule(mail, error, takes_none=takes_none)
            if takes_none:
                raise
        except Unusable:
            with transaction(self._database) as uow:
                uow.mails.release(mail.id, owner=self._lease.owner)
            raise
        else:
            self._loop.save(lambda: self._remove(mail))
            self.report.delivered += 1
            self._refusals = 0
            if not self._loop.once:  # else the report says it
                self._observer.sent(NAME, f"mail {mail.id} ({mail.template})")
        self._loop.report_success()

    def _send(self, claimed: _ClaimedMail) -> None:
        mail = claimed.mail
        details: dict[str, str] = json.loads(mail.details)
        if claimed.token is None or claimed.expires_at is None:
            self._notifications.send_now(mail.template, mail.recipient, mail.key, **details)
            return
        self._services.mailer.send_link(
            mail.template,
            **details,
            email=mail.recipient,
            token=claimed.token,
            expires_at=claimed.expires_at,
            key=mail.key,
        )

    def _takes_none(self, error: MailError) -> bool:
        """Return True if *error* means that the mail server takes no mail at all at present.

        A server may refuse the login, the sender or the host only when it knows the recipient. One such refusal can be
        about that recipient's domain; several in a row are about the settings, and cost no mail an attempt.
        """
        if error.verdict != "policy":
            return error.verdict == "unreachable"
        self._refusals += 1
        return self._refusals >= _BRAKE

    def _reschedule(self, mail: QueuedMail, error: MailError, *, takes_none: bool) -> None:
        """Store that *mail* was not sent, and when to try again."""
        tries = mail.tries + (not takes_none)
        # Last of all that are due: a mail that breaks the connection each time must not keep the others waiting.
        retry_at: datetime | None = self._services.now()
        if error.verdict == "refused" or (not takes_none and tries >= self._max_attempts):
            retry_at = None
            self.report.dead += 1
            self._observer.dead_lettered(NAME, f"mail {mail.id}", _with_hint(error))
        elif not takes_none:
            retry_at = self._services.now() + timedelta(seconds=self._mail_backoff.delay(tries))
            self.report.deferred += 1
            self._observer.deferred(NAME, f"mail {mail.id}", _with_hint(error), retry_at)
        values = {**RELEASED, "tries": tries, "last_error": _with_hint(error) + ".", "retry_at": retry_at}
        self._loop.save(lambda: self._update(mail, values))

    def _remove(self, mail: QueuedMail) -> None:
        with transaction(self._database) as uow:
            uow.mails.delete(mail.id, owner=self._lease.owner)

    def _update(self, mail: QueuedMail, values: Mapping[str, object]) -> None:
        with transaction(self._database) as uow:
            uow.mails.update(mail.id, values, owner=self._lease.owner)


def _with_hint(error: MailError) -> str:
    """Return the message of *error*, and what to check if that is a setting, without the last full stop."""
    text = f"{error.message} {error.hint}" if error.verdict == "policy" and error.hint else error.message
    return text.rstrip(".")


def _is_verified(mail: QueuedMail, user: User) -> bool:
    """Return True if *mail* is to verify an address that is verified already."""
    return mail.purpose == Purpose.VERIFY_EMAIL and user.is_email_verified
