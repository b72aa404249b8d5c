"""Queries on mail that waits to be sent."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, or_, select, update
from sqlalchemy.orm import Session

from lback_cli.models import Purpose, QueuedMail
from lback_cli.repositories.sql_functions import binary_equal

_QUIETLY = {"synchronize_session": False}


class MailQueueRepository:
    """Queued mail in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, mail: QueuedMail) -> None:
        """Insert *mail*."""
        self._session.add(mail)
        self._session.flush()

    def get(self, mail_id: int) -> QueuedMail | None:
        """The mail with that id, as it is in the database now."""
        return self._session.get(QueuedMail, mail_id, populate_existing=True)

    def due(self, now: datetime, limit: int) -> Sequence[QueuedMail]:
        """The mails whose time has come, those that waited longest first, also those that a process works on."""
        statement = select(QueuedMail).where(QueuedMail.retry_at <= now).order_by(QueuedMail.retry_at, QueuedMail.id)
        return self._session.scalars(statement.limit(limit)).all()

    def list_all(self, *, dead: bool | None = None) -> Sequence[QueuedMail]:
        """All mails in the order of queueing, only those given up, or only the others."""
        statement = select(QueuedMail).order_by(QueuedMail.id)
        if dead is not None:
            statement = statement.where(QueuedMail.retry_at.is_(None) if dead else QueuedMail.retry_at.is_not(None))
        return self._session.scalars(statement).all()

    def change(self, mail_id: int, values: Mapping[str, Any], *, owner: str | None) -> bool:
        """Set *values*, if that *owner* still works on it; whether so."""
        statement = update(QueuedMail).where(QueuedMail.id == mail_id, QueuedMail.owner == owner).values(**values)
        result = self._session.execute(statement, execution_options=_QUIETLY)
        return cast("CursorResult[Any]", result).rowcount == 1

    def remove(self, mail_id: int, *, owner: str | None) -> bool:
        """Delete the mail, if that *owner* still works on it; whether so."""
        statement = delete(QueuedMail).where(QueuedMail.id == mail_id, QueuedMail.owner == owner)
        return cast("CursorResult[Any]", self._session.execute(statement, execution_options=_QUIETLY)).rowcount == 1

    def revoke_links(self, user_id: int, purpose: Purpose | None = None) -> None:
        """Delete what asks for links for the user, or for those of one *purpose*: a token not made yet is one too."""
        statement = delete(QueuedMail).where(QueuedMail.user_id == user_id, QueuedMail.purpose.is_not(None))
        if purpose is not None:
            statement = statement.where(QueuedMail.purpose == purpose)
        self._session.execute(statement, execution_options=_QUIETLY)

    def erase(self, user_id: int | None, addresses: Collection[str]) -> None:
        """Delete all mail to or about a user, or to one of *addresses*."""
        about = or_(binary_equal(QueuedMail.recipient).in_(addresses), QueuedMail.user_id == user_id)
        self._session.execute(delete(QueuedMail).where(about), execution_options=_QUIETLY)
