"""Tokens that were mailed out: lback's own table."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from lback_cli.models.base import Base, UtcDateTime


class Purpose(StrEnum):
    """What a token is good for."""

    VERIFY_EMAIL = "verify_email"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose, not a password


class Token(Base):
    """A token that a user was sent.

    Only its SHA-256 digest is kept: a token has 256 random bits, so a plain hash is enough (ASVS 6.5.2). *email* is the
    address it was sent to. It is dead once *used_at* is set or *expires_at* is past; a revoked one is deleted.
    """

    __tablename__ = "lback_tokens"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    purpose: Mapped[str] = mapped_column(String(32))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    email: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def __repr__(self) -> str:
        return f"Token(id={self.id!r}, user_id={self.user_id!r}, purpose={self.purpose!r})"
