"""Counting what waits and what is locked: for monitoring."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import case, func, select
from sqlalchemy.engine import Connection

from lback_cli.models.tables import ACCOUNTS, MAIL_QUEUE

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


class MailLoad(NamedTuple):
    """The mail queue.

    Attributes:
        waiting: Mails to be sent, now or later.
        due: Those to be sent now.
        failing: Those of *waiting* that failed at least once.
        dead: Mails that were given up.
        locked: Mails that a process is sending.
        oldest: When the first of *waiting* was queued; None if there is none.
    """

    waiting: int
    due: int
    failing: int
    dead: int
    locked: int
    oldest: datetime | None


class LoadReader:
    """Counts on one connection or in a session."""

    def __init__(self, connection: "Connection | Session") -> None:
        self._execute: Callable[..., Any] = connection.execute

    def mail(self, now: datetime) -> MailLoad:
        """Return the state of the mail queue at *now*."""
        queue = MAIL_QUEUE.c
        waits = queue.retry_at.is_not(None)
        conditions = (waits, queue.retry_at <= now, waits & (queue.tries > 0), queue.retry_at.is_(None))
        counts = [func.count(case((condition, 1))) for condition in (*conditions, queue.lease_until > now)]
        row = self._execute(select(*counts, func.min(case((waits, queue.queued_at))))).one()
        return MailLoad._make(row)

    def locked_accounts(self, now: datetime) -> int:
        """Return how many accounts are locked at *now*, after failed logins."""
        locked = select(func.count()).select_from(ACCOUNTS).where(ACCOUNTS.c.locked_until > now)
        return int(self._execute(locked).scalar_one())
