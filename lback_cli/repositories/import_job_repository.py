"""Queries on imports."""

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import CursorResult, select, update
from sqlalchemy.orm import Session

from lback_cli.models import ImportJob
from lback_cli.repositories.sql_functions import binary_equal

UNFINISHED = ("running", "stopped")
"""States of an import that can go on."""


class ImportJobRepository:
    """Imports in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, job: ImportJob) -> None:
        """Insert *job*."""
        self._session.add(job)
        self._session.flush()

    def get(self, job_id: str, *, lock: bool = False) -> ImportJob:
        """The import with that id, which exists; *lock* is as for `UserRepository.get`."""
        return self._session.get_one(ImportJob, job_id, populate_existing=lock, with_for_update=lock or None)

    def unfinished(self, digest: str) -> ImportJob | None:
        """The newest import of that input that can go on."""
        return self._newest(ImportJob.digest == digest, ImportJob.state.in_(UNFINISHED))

    def unfinished_of(self, path: str) -> ImportJob | None:
        """The newest import of whatever was at *path* that can go on."""
        return self._newest(binary_equal(ImportJob.path) == path, ImportJob.state.in_(UNFINISHED))

    def finished(self, digest: str, options: str) -> ImportJob | None:
        """The newest import of that input with these options that came to its end."""
        return self._newest(
            ImportJob.digest == digest, binary_equal(ImportJob.options) == options, ImportJob.state == "done"
        )

    def change(self, job_id: str, owned_by: str, values: Mapping[str, Any]) -> bool:
        """Set *values*, if the job is still *owned_by* that owner; whether it was."""
        statement = update(ImportJob).where(ImportJob.id == job_id, ImportJob.owner == owned_by).values(**values)
        # The object in the session, if there is one, is not used again.
        result = self._session.execute(statement, execution_options={"synchronize_session": False})
        return cast("CursorResult[Any]", result).rowcount == 1

    def _newest(self, *conditions: Any) -> ImportJob | None:
        statement = select(ImportJob).where(*conditions).order_by(ImportJob.started_at.desc()).limit(1)
        return self._session.scalars(statement).first()
