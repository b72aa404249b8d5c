"""Sending queued mail: one mail at a time, each held by one process, by as many processes as like to."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from lback_cli.database.engine import Database
from lback_cli.errors import DatabaseError, MailError, Unusable
from lback_cli.lease import LeaseOwner
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.link_mail import MailedLinks
from lback_cli.managers.notification_mail import MailedNotices
from lback_cli.models import Purpose, QueuedMail, User
from lback_cli.relay.backoff import Backoff
from lback_cli.relay.observer import RelayObserver
from lback_cli.relay.thread_runner import run_all
from lback_cli.repositories.unit_of_work import reading, transaction

POLL_SECONDS = 0.5
"""How often to look for new mail."""

PAGE = 50
"""Mails looked for at a time."""

BACKOFF = Backoff(first=30.0, longest=3600.0)
"""For a mail that the server puts off."""

SERVER_BACKOFF = Backoff(first=0.5, longest=300.0)
"""For a server that takes none."""

LEASE = timedelta(minutes=1)
"""How long a process that is silent keeps a mail, beyond the time that the mail server has for its answers."""

_ANSWERS = 10
"""Answers that a mail server gives for one mail, at most, each within its own time."""

NAME = "mail"
"""What messages call the queue."""


@dataclass(slots=True)
class MailReport:
    """What became of the queue in one run: *error* says why the server took none, if so."""

    delivered: int = 0
    dead: int = 0
    deferred: int = 0
    withdrawn: int = 0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _ClaimedMail:
    """A mail that is ours to send, with the token of its link."""

    mail: QueuedMail
    token: str | None = None
    expires_at: datetime | None = None


class MailDelivery:
    """Sends what is queued in one database."""

    def __init__(
        self,
        database: Database,
        services: Dependencies,
        watcher: RelayObserver,
        *,
        backoff: Backoff = BACKOFF,
        server_backoff: Backoff = SERVER_BACKOFF,
    ) -> None:
        self.report = MailReport()
        self._database = database
        self._links = MailedLinks(services)
        self._notices = MailedNotices(services)
        self._now: Callable[[], datetime] = services.now
        self._tries = services.settings.email.tries
        self._lease = LEASE + timedelta(seconds=_ANSWERS * services.settings.email.timeout)
        self._watcher = watcher
        self._backoff = backoff
        self._server_backoff = server_backoff
        self._stop = threading.Event()
        self._failures = 0

    def run(self, *, once: bool) -> MailReport:
        """Send what is due; with *once* until nothing is or the server takes none, else for ever.

        Raises `DatabaseError` with *once*, and `ConfigurationError` where mail cannot be sent at all.
        """
        run_all([partial(self._work, once)], self._stop)
        return self.report

    def _work(self, once: bool) -> None:
        while not self._stop.is_set():
            try:
                worked = self._deliver_due()
                self.report.error = None
            except DatabaseError as error:
                if once:
                    raise
                self._pause(error.message)
                continue
            except MailError as error:
                self.report.error = error.message
                if once:
                    break
                self._pause(error.message)
                continue
            if not worked:
                if once:
                    break
                self._stop.wait(POLL_SECONDS)

    def _deliver_due(self) -> bool:
        """Try each mail that is due; whether there was any. Raises `MailError` when the server takes none at all."""
        with reading(self._database) as work:
            due = [*work.mails.due(self._now(), PAGE)]
        worked = False
        for mail in due:
            if not self._stop.is_set() and self._is_free(mail):
                worked = True
                if (ready := self._claim(mail)) is not None:
                    self._send(ready)
        return worked

    def _claim(self, mail: QueuedMail) -> _ClaimedMail | None:
        """Take *mail* and make its token, in one transaction; None where somebody else took it, or it has no point."""
        owner = str(LeaseOwner.this_process())
        now = self._now()
        with transaction(self._database) as work:
            # The user before the mail, as operations lock them, or the two might wait for each other.
            user = None if mail.purpose is None else work.users.get(mail.user_id, lock=True)
            if not work.mails.change(mail.id, {"owner": owner, "lease_until": now + self._lease}, owner=mail.owner):
                return None
            taken = work.mails.get(mail.id)
            assert taken is not None
            if taken.retry_at is None or taken.retry_at > now:
                # Somebody tried it since it was found.
                work.mails.change(mail.id, {"owner": None, "lease_until": None}, owner=owner)
                return None
            if taken.purpose is None:
                return _ClaimedMail(taken)
            if user is None or user.email != taken.recipient or _is_verified(taken, user):
                work.mails.remove(mail.id, owner=owner)
                self.report.withdrawn += 1
                return None
            token, expires_at = self._links.issue_queued(work, taken, user)
            return _ClaimedMail(taken, token, expires_at)

    def _send(self, ready: _ClaimedMail) -> None:
        mail, owner = ready.mail, ready.mail.owner
        details: dict[str, str] = json.loads(mail.details)
        try:
            if ready.token is not None and ready.expires_at is not None:
                self._links.mail(
                    mail.template,
                    **details,
                    email=mail.recipient,
                    token=ready.token,
                    expires_at=ready.expires_at,
                    key=mail.key,
                )
            else:
                self._notices.mail(mail.template, mail.recipient, mail.key, **details)
        except MailError as error:
            self._reschedule(mail, error)
            if error.verdict == "unreachable":
                raise
        except Unusable:
            self._release(mail, owner)
            raise
        else:
            self._mark_sent(mail)
            self.report.delivered += 1
        if self._failures:
            self._failures = 0
            self._watcher.recovered(NAME)

    def _mark_sent(self, mail: QueuedMail) -> None:
        """Forget *mail*, however long the database is busy: it would be sent twice."""
        attempts = 0
        while True:
            try:
                with transaction(self._database) as work:
                    work.mails.remove(mail.id, owner=mail.owner)
            except DatabaseError:
                attempts += 1
                if attempts >= self._tries or self._stop.wait(self._server_backoff.pause(attempts)):
                    raise
            else:
                return

    def _reschedule(self, mail: QueuedMail, error: MailError) -> None:
        tries = mail.tries + (error.verdict != "unreachable")
        values: dict[str, object] = {"owner": None, "lease_until": None, "tries": tries, "last_error": error.message}
        # Behind all that is due: what breaks the connection each time must not keep the others waiting.
        values["retry_at"] = self._now()
        if error.verdict == "refused" or (error.verdict == "deferred" and tries >= self._tries):
            values["retry_at"] = None
            self.report.dead += 1
            self._watcher.given_up(NAME, f"mail {mail.id}", error.message.rstrip("."))
        elif error.verdict == "deferred":
            values["retry_at"] = self._now() + timedelta(seconds=self._backoff.pause(tries))
            self.report.deferred += 1
        with transaction(self._database) as work:
            work.mails.change(mail.id, values, owner=mail.owner)

    def _release(self, mail: QueuedMail, owner: str | None) -> None:
        with transaction(self._database) as work:
            work.mails.change(mail.id, {"owner": None, "lease_until": None}, owner=owner)

    def _is_free(self, mail: QueuedMail) -> bool:
        """Whether nobody works on *mail*, or nobody who lives; a lease longer than ours was made by a wrong clock."""
        if mail.owner is None or mail.lease_until is None:
            return True
        left = mail.lease_until - self._now()
        return LeaseOwner.parse(mail.owner).lives is False or not timedelta() < left < 10 * self._lease

    def _pause(self, reason: str) -> None:
        self._failures += 1
        if self._failures == 1:
            self._watcher.failing(NAME, reason.rstrip("."))
        self._stop.wait(self._server_backoff.pause(self._failures))


def _is_verified(mail: QueuedMail, user: User) -> bool:
    """Whether *mail* asks *user* for what was proven meanwhile."""
    return mail.purpose == Purpose.VERIFY_EMAIL and user.is_email_verified
