"""Imports under way or finished, mapped."""

from datetime import datetime

from sqlalchemy.orm import Mapped

from lback_cli.models.base import Base
from lback_cli.models.tables import IMPORT_JOBS


class ImportJob(Base):
    """How far an import has come; see `lback_cli.models.tables.IMPORT_JOBS`."""

    __table__ = IMPORT_JOBS

    id: Mapped[str]
    path: Mapped[str]
    digest: Mapped[str]
    options: Mapped[str]
    state: Mapped[str]
    rows_done: Mapped[int]
    created: Mapped[int]
    updated: Mapped[int]
    skipped: Mapped[int]
    failed: Mapped[int]
    report_offset: Mapped[int]
    rejects_offset: Mapped[int]
    passwords_offset: Mapped[int]
    owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    started_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    def __repr__(self) -> str:
        return f"ImportJob(id={self.id!r}, state={self.state!r}, rows_done={self.rows_done!r})"
