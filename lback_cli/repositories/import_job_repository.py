"""Queries on imports."""

from typing import Any

from sqlalchemy import select

from lback_cli.models import ImportJob
from lback_cli.models.tables import IMPORT_JOBS
from lback_cli.repositories.lease_repository import LeaseRepository
from lback_cli.repositories.sql_functions import binary_equal

UNFINISHED = ("running", "stopped")
"""The states of an import that can be resumed."""


class ImportJobRepository(LeaseRepository):
    """Imports in one session."""

    table = IMPORT_JOBS

    def add(self, job: ImportJob) -> None:
        """Insert *job*."""
        self._session.add(job)
        self._session.flush()

    def get(self, job_id: str, *, lock: bool = False) -> ImportJob:
        """Return the import with that id, which must exist; *lock* is as for `UserRepository.get`."""
        return self._session.get_one(ImportJob, job_id, populate_existing=lock, with_for_update=lock or None)

    def unfinished(self, digest: str) -> ImportJob | None:
        """Return the newest import of that input that can be resumed."""
        return self._newest(ImportJob.digest == digest, ImportJob.state.in_(UNFINISHED))

    def unfinished_of(self, path: str) -> ImportJob | None:
        """Return the newest import of any input at *path* that can be resumed."""
        return self._newest(binary_equal(ImportJob.path) == path, ImportJob.state.in_(UNFINISHED))

    def finished(self, digest: str, options: str) -> ImportJob | None:
        """Return the newest import of that input with these options that is complete."""
        return self._newest(
            ImportJob.digest == digest, binary_equal(ImportJob.options) == options, ImportJob.state == "done"
        )

    def _newest(self, *conditions: Any) -> ImportJob | None:
        statement = select(ImportJob).where(*conditions).order_by(ImportJob.started_at.desc()).limit(1)
        return self._session.scalars(statement).first()
