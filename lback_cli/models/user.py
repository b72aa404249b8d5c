"""Users, mapped for the operations."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import and_
from sqlalchemy.orm import Mapped, column_property, foreign, relationship

from lback_cli.models.base import Base
from lback_cli.models.group import Group
from lback_cli.models.tables import MEMBERSHIPS, USER_ATTRIBUTES, USERS


class UserAttribute(Base):
    """One value of a user in lback's own table; see `lback_cli.models.tables.USER_ATTRIBUTES`."""

    __table__ = USER_ATTRIBUTES

    user_id: Mapped[int]
    name: Mapped[str]
    value: Mapped[str]
    digest: Mapped[str]
    unique_digest: Mapped[str | None]
    user_created_at: Mapped[datetime]


class User(Base):
    """An account of the application; see `lback_cli.models.tables.USERS`."""

    __table__ = USERS

    id: Mapped[int]
    username: Mapped[str]
    email: Mapped[str]
    password_hash: Mapped[str] = column_property(USERS.c.password)
    is_active: Mapped[bool]
    is_email_verified: Mapped[bool]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    email_verification_token: Mapped[str | None] = column_property(USERS.c.email_verification_token, deferred=True)
    email_verification_token_expiry: Mapped[datetime | None] = column_property(
        USERS.c.email_verification_token_expiry, deferred=True
    )
    auth_token: Mapped[str | None] = column_property(USERS.c.auth_token, deferred=True)
    token_expiry: Mapped[datetime | None] = column_property(USERS.c.token_expiry, deferred=True)
    groups: Mapped[list[Group]] = relationship(secondary=MEMBERSHIPS, lazy="selectin", order_by=Group.name)
    attribute_rows: Mapped[list[UserAttribute]] = relationship(
        primaryjoin=and_(
            foreign(USER_ATTRIBUTES.c.user_id) == USERS.c.id,
            USER_ATTRIBUTES.c.user_created_at == USERS.c.created_at,
        ),
        order_by=USER_ATTRIBUTES.c.name,
        lazy="selectin",
        viewonly=True,
    )

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The values by name of the attributes that are in lback's own table; a date is ISO 8601 text."""
        return {row.name: json.loads(row.value) for row in self.attribute_rows}

    def __repr__(self) -> str:
        return f"User(id={self.id!r}, username={self.username!r})"
