"""The event log: lback's own tables."""

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lback_cli.models.base import Base


class Event(Base):
    """One event; see `lback_cli.events.chain` for what its hashes cover.

    Times are RFC 3339 text, so that what is hashed is what is stored. *subject*, *data* and *salt* are null once the
    person's data was erased.
    """

    __tablename__ = "lback_events"

    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    id: Mapped[str] = mapped_column(String(32))
    time: Mapped[str] = mapped_column(String(27), index=True)
    signal: Mapped[str] = mapped_column(String(64))
    operation: Mapped[str] = mapped_column(String(64))
    operation_id: Mapped[str] = mapped_column(String(32))
    outcome: Mapped[str | None] = mapped_column(String(64))
    actor: Mapped[str] = mapped_column(String(255))
    host: Mapped[str] = mapped_column(String(255))
    pid: Mapped[int]
    version: Mapped[str] = mapped_column(String(32))
    invocation_id: Mapped[str] = mapped_column(String(32))
    subject_id: Mapped[int | None] = mapped_column(BigInteger, index=True)
    subject: Mapped[str | None] = mapped_column(Text)
    data: Mapped[str | None] = mapped_column(Text)
    salt: Mapped[str | None] = mapped_column(String(32))
    digest: Mapped[str] = mapped_column(String(64))
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    def __repr__(self) -> str:
        return f"Event(seq={self.seq!r}, signal={self.signal!r})"


class EventHead(Base):
    """The end of the chain: one row, which every writer locks, so that the chain never forks."""

    __tablename__ = "lback_event_head"

    id: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
    hash: Mapped[str] = mapped_column(String(64))
