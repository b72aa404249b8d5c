"""Imports under way or done: lback's own table."""

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from lback_cli.models.base import Base, UtcDateTime


class ImportJob(Base):
    """How far an import has come, written in the transaction of the rows it counts.

    *digest* is the SHA-256 of the whole input, *options* what else decides the outcome, as canonical JSON. The
    ``*_offset`` columns are the lengths of the files that report on the rows done, in bytes. *owner* is the process at
    work, ``host:pid``, until *lease_until*.
    """

    __tablename__ = "lback_import_jobs"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    path: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64), index=True)
    options: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16))
    rows_done: Mapped[int] = mapped_column(BigInteger, default=0)
    created: Mapped[int] = mapped_column(BigInteger, default=0)
    updated: Mapped[int] = mapped_column(BigInteger, default=0)
    skipped: Mapped[int] = mapped_column(BigInteger, default=0)
    failed: Mapped[int] = mapped_column(BigInteger, default=0)
    report_offset: Mapped[int] = mapped_column(BigInteger, default=0)
    rejects_offset: Mapped[int] = mapped_column(BigInteger, default=0)
    passwords_offset: Mapped[int] = mapped_column(BigInteger, default=0)
    owner: Mapped[str | None] = mapped_column(String(300))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def __repr__(self) -> str:
        return f"ImportJob(id={self.id!r}, state={self.state!r}, rows_done={self.rows_done!r})"
