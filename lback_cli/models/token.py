"""Tokens of links in mail, mapped."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy.orm import Mapped

from lback_cli.models.base import Base
from lback_cli.models.tables import TOKENS


class Purpose(StrEnum):
    """What a token is for."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose, not a password


class Token(Base):
    """A token that was sent to a user; see `lback_cli.models.tables.TOKENS`."""

    __table__ = TOKENS

    id: Mapped[int]
    user_id: Mapped[int]
    purpose: Mapped[str]
    digest: Mapped[str]
    email: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    def __repr__(self) -> str:
        return f"Token(id={self.id!r}, user_id={self.user_id!r}, purpose={self.purpose!r})"
