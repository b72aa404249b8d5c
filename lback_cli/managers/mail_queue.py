"""The mail queue: mail that is committed with the change that asks for it, and sent later."""

import json
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from uuid import uuid4

from lback_cli.database.engine import Database
from lback_cli.errors import ConfigurationError, QueuedMailNotFound
from lback_cli.models import Purpose, QueuedMail, User
from lback_cli.repositories.unit_of_work import reading, transaction
from lback_cli.settings import Settings


def queued_mail(
    user: User,
    template: str,
    details: Mapping[str, str],
    *,
    now: datetime,
    purpose: Purpose | None = None,
    recipient: str | None = None,
    key: str | None = None,
) -> QueuedMail:
    """Return a mail to queue.

    Args:
        user: The user that the mail is about.
        template: The name of the template.
        details: The values of the template, except those of a link.
        now: The time.
        purpose: The purpose of the token, if the mail has a link.
        recipient: The address, by default the user's.
        key: What makes the Message-ID, by default a random text.
    """
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


def language_of(user: User, settings: Settings) -> dict[str, str]:
    """Return the language of mail to *user* as a value of a mail, if there is one.

    Raises:
        ConfigurationError: If ``email.language_attribute`` is not an attribute with text.
    """
    name = settings.email.language_attribute
    if not name:
        return {}
    if name not in settings.attributes or settings.attributes[name].type != "text":
        raise ConfigurationError(
            f"email.language_attribute: no attribute {name!r} with text is declared.",
            hint=f'Add {name} = {{ type = "text", personal = false }} to [attributes].',
        )
    language = user.attributes.get(name)
    return {"language": language} if language else {}


class MailQueue:
    """Shows and edits the mail queue of one database."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def mails(self, *, dead: bool | None = None) -> list[QueuedMail]:
        """Return mails in the order of queueing: the dead ones if *dead* is true, the others if false, all if None."""
        with reading(self._database) as uow:
            return [*uow.mails.list_all(dead=dead)]

    def retry(self, ids: Collection[int] | None) -> int:
        """Make mails due at once, with no attempt counted.

        Args:
            ids: The mails, or None for all dead mails.

        Returns:
            The number of these mails.

        Raises:
            QueuedMailNotFound: If one of *ids* is not in the queue.
        """
        values = {"retry_at": self._now(), "tries": 0, "last_error": None}
        with transaction(self._database) as uow:
            selected = _select(uow.mails.list_all(), ids)
            return sum(uow.mails.update(mail.id, values, owner=mail.owner) for mail in selected)

    def drop(self, ids: Collection[int] | None) -> int:
        """Delete mails; the arguments and the result are as for `retry`.

        Raises:
            QueuedMailNotFound: If one of *ids* is not in the queue.
        """
        with transaction(self._database) as uow:
            selected = _select(uow.mails.list_all(), ids)
            return sum(uow.mails.delete(mail.id, owner=mail.owner) for mail in selected)


def _select(mails: Collection[QueuedMail], ids: Collection[int] | None) -> list[QueuedMail]:
    if ids is None:
        return [mail for mail in mails if mail.retry_at is None]
    known = {mail.id: mail for mail in mails}
    missing = [mail_id for mail_id in ids if mail_id not in known]
    if missing:
        raise QueuedMailNotFound(
            f"There is no mail {missing[0]} in the queue.", hint="'lback mail queue list' shows the mails in the queue."
        )
    return [known[mail_id] for mail_id in dict.fromkeys(ids)]
