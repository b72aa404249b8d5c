"""How far each sink of the relay has come: lback's own tables."""

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lback_cli.models.base import Base, UtcDateTime


class SinkState(Base):
    """The state of one sink.

    Every event up to number *position* is delivered or among the dead letters. *owner* is the process at work until
    *lease_until*. *failures* counts the failed attempts since the last success, of which *tries* count against the
    event behind *position*; *last_error* says why.
    """

    __tablename__ = "lback_sinks"

    name: Mapped[str] = mapped_column(String(32), primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
    owner: Mapped[str | None] = mapped_column(String(300))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    failures: Mapped[int] = mapped_column(default=0)
    tries: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def __repr__(self) -> str:
        return f"Sink(name={self.name!r}, position={self.position!r})"


class DeadLetter(Base):
    """An event that a sink would not take: its number and why. What it says stays in the event log alone."""

    __tablename__ = "lback_dead_letters"

    sink: Mapped[str] = mapped_column(String(32), primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    tries: Mapped[int]
    error: Mapped[str] = mapped_column(Text)
    given_up_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def __repr__(self) -> str:
        return f"DeadLetter(sink={self.sink!r}, seq={self.seq!r})"
