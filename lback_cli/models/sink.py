"""The relay's progress and its dead letters, mapped."""

from datetime import datetime

from sqlalchemy.orm import Mapped

from lback_cli.models.base import Base
from lback_cli.models.tables import DEAD_LETTERS, SINKS


class SinkState(Base):
    """How far the relay has come with one sink; see `lback_cli.models.tables.SINKS`."""

    __table__ = SINKS

    name: Mapped[str]
    position: Mapped[int]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    failures: Mapped[int]
    tries: Mapped[int]
    last_error: Mapped[str | None]
    delivered_at: Mapped[datetime | None]
    rejections: Mapped[int]
    retry_at: Mapped[datetime | None]
    choice: Mapped[str | None]
    chosen: Mapped[int | None]

    def __repr__(self) -> str:
        return f"SinkState(name={self.name!r}, position={self.position!r})"


class DeadLetter(Base):
    """An event that a sink rejected; see `lback_cli.models.tables.DEAD_LETTERS`."""

    __table__ = DEAD_LETTERS

    sink: Mapped[str]
    seq: Mapped[int]
    tries: Mapped[int]
    error: Mapped[str]
    given_up_at: Mapped[datetime]
    answer: Mapped[str | None]

    def __repr__(self) -> str:
        return f"DeadLetter(sink={self.sink!r}, seq={self.seq!r})"
