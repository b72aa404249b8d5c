"""Groups, mapped for the operations."""

from datetime import datetime

from sqlalchemy.orm import Mapped

from lback_cli.models.base import Base
from lback_cli.models.tables import GROUPS


class Group(Base):
    """A named set of users."""

    __table__ = GROUPS

    id: Mapped[int]
    name: Mapped[str]
    description: Mapped[str | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def __repr__(self) -> str:
        return f"Group(id={self.id!r}, name={self.name!r})"
