"""Queries on queued mail."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import delete, func, or_, select

from lback_cli.models import Purpose, QueuedMail
from lback_cli.models.tables import MAIL_QUEUE
from lback_cli.repositories.lease_repository import LeaseRepository
from lback_cli.repositories.sql_functions import binary_equal

_WITHOUT_SYNCHRONIZATION = {"synchronize_session": False}


class MailQueueRepository(LeaseRepository):
    """Queued mail in one session."""

    table = MAIL_QUEUE

    def add(self, mail: QueuedMail) -> None:
        """Insert *mail*."""
        self._session.add(mail)
        self._session.flush()

    def get(self, mail_id: int) -> QueuedMail | None:
        """Return the mail with that id, as it is in the database now."""
        return self._session.get(QueuedMail, mail_id, populate_existing=True)

    def due(self, now: datetime, limit: int) -> Sequence[QueuedMail]:
        """Return the mails that are due, held by a process or not, those that have waited longest first."""
        statement = select(QueuedMail).where(QueuedMail.retry_at <= now).order_by(QueuedMail.retry_at, QueuedMail.id)
        return self._session.scalars(statement.limit(limit)).all()

    def list_all(self, *, dead: bool | None = None) -> Sequence[QueuedMail]:
        """Return mails in the order of queueing: the dead ones if *dead* is true, the others if false, all if None."""
        statement = select(QueuedMail).order_by(QueuedMail.id)
        if dead is not None:
            statement = statement.where(QueuedMail.retry_at.is_(None) if dead else QueuedMail.retry_at.is_not(None))
        return self._session.scalars(statement).all()

    def count_dead(self) -> int:
        """Return how many mails are dead."""
        statement = select(func.count()).select_from(MAIL_QUEUE).where(MAIL_QUEUE.c.retry_at.is_(None))
        return self._session.execute(statement).scalar_one()

    def delayed(self, before: datetime) -> tuple[int, str | None]:
        """Return how many mails that are not dead were queued before that time, and the last error of one of them."""
        statement = select(func.count(), func.max(MAIL_QUEUE.c.last_error)).where(
            MAIL_QUEUE.c.retry_at.is_not(None), MAIL_QUEUE.c.queued_at < before
        )
        count, error = self._session.execute(statement).one()
        return count, error

    def delete_links(self, *user_ids: int, purpose: Purpose | None = None) -> None:
        """Delete the mails to these users that have a link, or those whose link has that *purpose*."""
        statement = delete(QueuedMail).where(QueuedMail.user_id.in_(user_ids), QueuedMail.purpose.is_not(None))
        if purpose is not None:
            statement = statement.where(QueuedMail.purpose == purpose)
        self._session.execute(statement, execution_options=_WITHOUT_SYNCHRONIZATION)

    def erase(self, user_id: int | None, addresses: Collection[str]) -> None:
        """Delete all mails about the user or to one of *addresses*."""
        about = or_(binary_equal(QueuedMail.recipient).in_(addresses), QueuedMail.user_id == user_id)
        self._session.execute(delete(QueuedMail).where(about), execution_options=_WITHOUT_SYNCHRONIZATION)
