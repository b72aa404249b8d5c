"""Mail that is committed with the change that asks for it: what is in the queue, and what a person does with it."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from uuid import uuid4

from lback_cli.database.engine import Database
from lback_cli.errors import QueuedMailNotFound
from lback_cli.models import Purpose, QueuedMail, User
from lback_cli.repositories.unit_of_work import reading, transaction


def queued(
    user: User,
    template: str,
    details: Mapping[str, str],
    *,
    now: datetime,
    purpose: Purpose | None = None,
    recipient: str | None = None,
    key: str | None = None,
) -> QueuedMail:
    """A request for the mail *template* to *recipient*, else the user's own address; *details* are its values."""
    return QueuedMail(
        key=key or uuid4().hex,
        template=template,
        purpose=purpose,
        user_id=user.id,
        recipient=recipient or user.email,
        details=json.dumps(details),
        queued_at=now,
        retry_at=now,
    )


class MailQueue:
    """The queue of one database, as a person sees it."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def mails(self, *, dead: bool | None = None) -> list[QueuedMail]:
        """All mails in the order of queueing, only those given up, or only the others."""
        with reading(self._database) as work:
            return [*work.mails.list_all(dead=dead)]

    def retry(self, ids: Collection[int] | None) -> int:
        """Have mails tried again, as if for the first time: those with *ids*, or all that were given up; how many.

        Raises `QueuedMailNotFound`.
        """
        anew = {"retry_at": self._now(), "tries": 0, "last_error": None}
        with transaction(self._database) as work:
            chosen = _chosen(work.mails.list_all(), ids)
            return sum(work.mails.change(mail.id, anew, owner=mail.owner) for mail in chosen)

    def drop(self, ids: Collection[int] | None) -> int:
        """Forget mails: those with *ids*, or all that were given up; how many. Raises `QueuedMailNotFound`."""
        with transaction(self._database) as work:
            chosen = _chosen(work.mails.list_all(), ids)
            return sum(work.mails.remove(mail.id, owner=mail.owner) for mail in chosen)


def _chosen(mails: Collection[QueuedMail], ids: Collection[int] | None) -> list[QueuedMail]:
    if ids is None:
        return [mail for mail in mails if mail.retry_at is None]
    known = {mail.id: mail for mail in mails}
    missing = [mail_id for mail_id in ids if mail_id not in known]
    if missing:
        raise QueuedMailNotFound(f"No mail {missing[0]} is queued.", hint="'lback mail queue list' has those that are.")
    return [known[mail_id] for mail_id in dict.fromkeys(ids)]
