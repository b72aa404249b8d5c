"""Mail that is not sent yet, mapped."""

from datetime import datetime

from sqlalchemy.orm import Mapped

from lback_cli.models.base import Base
from lback_cli.models.tables import MAIL_QUEUE
from lback_cli.models.token import Purpose


class QueuedMail(Base):
    """A mail that was committed with a change; see `lback_cli.models.tables.MAIL_QUEUE`."""

    __table__ = MAIL_QUEUE

    id: Mapped[int]
    key: Mapped[str]
    template: Mapped[str]
    purpose: Mapped[Purpose | None]
    user_id: Mapped[int]
    recipient: Mapped[str]
    details: Mapped[str]
    tries: Mapped[int]
    last_error: Mapped[str | None]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    queued_at: Mapped[datetime]
    retry_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"QueuedMail(id={self.id!r}, template={self.template!r})"
