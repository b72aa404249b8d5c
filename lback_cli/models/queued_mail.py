"""Mail that is yet to be sent: lback's own table."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lback_cli.models.base import Base, UtcDateTime
from lback_cli.models.token import Purpose


class QueuedMail(Base):
    """A mail that was asked for in the transaction of a change, and goes once it is sent.

    It holds no token: one with a *purpose* is a request for a link, whose token is made when it is sent. *details* are
    the other values of the *template*, as JSON. *key* stays the same however often it is tried, and so does the
    Message-ID. *owner* is the process at work on it until *lease_until*. It is tried again at *retry_at*, and not any
    more where that is null.
    """

    __tablename__ = "lback_mail_queue"

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    key: Mapped[str] = mapped_column(String(32))
    template: Mapped[str] = mapped_column(String(32))
    purpose: Mapped[Purpose | None] = mapped_column(String(32))
    user_id: Mapped[int] = mapped_column(index=True)
    recipient: Mapped[str] = mapped_column(String(255))
    details: Mapped[str] = mapped_column(Text)
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    owner: Mapped[str | None] = mapped_column(String(300))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retry_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)

    def __repr__(self) -> str:
        return f"QueuedMail(id={self.id!r}, template={self.template!r})"
