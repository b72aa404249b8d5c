"""Users: the lback framework's table."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from lback_cli.models.base import Base, UtcDateTime
from lback_cli.models.group import Group, memberships


class User(Base):
    """An account of the application.

    *username* and *email* are canonical, so that their unique indexes decide who is who. *password_hash* is in any
    format passlib knows; the framework calls its column ``password``. The four token columns are the framework's:
    lback keeps its own tokens, digested, in `Token`.
    """

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    email: Mapped[str] = mapped_column(String(255), unique=True, index=True)
    password_hash: Mapped[str] = mapped_column("password", String(255))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_email_verified: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    email_verification_token: Mapped[str | None] = mapped_column(String(255), index=True, deferred=True)
    email_verification_token_expiry: Mapped[datetime | None] = mapped_column(UtcDateTime, deferred=True)
    auth_token: Mapped[str | None] = mapped_column(String(255), index=True, deferred=True)
    token_expiry: Mapped[datetime | None] = mapped_column(UtcDateTime, deferred=True)
    groups: Mapped[list[Group]] = relationship(secondary=memberships, lazy="selectin", order_by=Group.name)

    def __repr__(self) -> str:
        return f"User(id={self.id!r}, username={self.username!r})"
