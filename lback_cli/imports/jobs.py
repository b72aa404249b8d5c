"""Import jobs: which import this is, which process works on it, and how far it has come."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from lback_cli.database.engine import Database
from lback_cli.database.retry import MAX_ATTEMPTS, retried
from lback_cli.errors import Conflict
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.job_events import describe, import_finished, import_started
from lback_cli.imports.options import STDIN, ImportOptions
from lback_cli.imports.report_files import NAMES, ReportFiles
from lback_cli.imports.results import Counts
from lback_cli.lease import RELEASED, Lease
from lback_cli.models import ImportJob
from lback_cli.repositories.unit_of_work import (
    Evidence,
    UnitOfWork,
    reading,
    settle_interruption,
    settled_transaction,
    transaction,
)

R = TypeVar("R")

LEASE = timedelta(minutes=1)
"""How long an import on another host is presumed alive without a heartbeat."""

RESUME = "When the database is reachable again, --resume continues after the last committed row."
"""What to do if it is unknown whether a chunk was committed."""

APPLY_AGAIN = "When the database is reachable again, apply the plan again: if it was applied, that is refused."
"""What to do if it is unknown whether a plan was applied."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far an import has come.

    Attributes:
        counts: The outcomes of the rows so far.
        lengths: The lengths of the report files in bytes, in the order of `NAMES`.
        state: ``running``; ``stopped`` at a refused row; ``done``; ``rolled_back``; or ``abandoned`` for a restart.
    """

    counts: Counts
    lengths: Sequence[int]
    state: str = "running"

    @classmethod
    def of(cls, row: ImportJob) -> "Checkpoint":
        """Return the checkpoint that *row* stores."""
        counts = Counts(created=row.created, updated=row.updated, skipped=row.skipped, failed=row.failed)
        return cls(counts, [getattr(row, f"{name}_offset") for name in NAMES], row.state)

    def columns(self) -> dict[str, Any]:
        """Return the values of the columns that store the checkpoint."""
        counts = self.counts
        return {
            "state": self.state,
            "rows_done": counts.total,
            "created": counts.created,
            "updated": counts.updated,
            "skipped": counts.skipped,
            "failed": counts.failed,
            **{f"{name}_offset": length for name, length in zip(NAMES, self.lengths, strict=True)},
        }


class ImportRun:
    """An import that this process works on.

    Every UPDATE checks the owner, so a process that lost its lease cannot write.

    Attributes:
        id: The id of the import job.
        reached: What is committed, so far as this process knows.
        is_over: After `release`: whether everything had been committed.
    """

    def __init__(self, row: ImportJob, lease: Lease, now: Callable[[], datetime], advice: str = RESUME) -> None:
        """Create the run of *row*; *advice* is what to do if the result of a commit stays unknown."""
        self.id = row.id
        self.reached = Checkpoint.of(row)
        self.is_over = False
        self._description = describe(row)
        self._advice = advice
        self._lease = lease
        self._now = now
        self._work: UnitOfWork | None = None
        self._stored: dict[str, Any] = {}

    @property
    def rows_done(self) -> int:
        """The number of rows that are imported."""
        return self.reached.counts.total

    def commit(self, database: Database, work: Callable[[UnitOfWork], R]) -> R:
        """Return what *work* returns, done in one transaction; use it with `retried`.

        *work* ends with `checkpoint` or `end`. If the connection is lost during COMMIT, the stored job shows whether
        the transaction was committed.

        Raises:
            OutcomeUnknown: The connection was lost during COMMIT, and the database stays out of reach.
            LbackError: What `transaction` raises.
        """
        self._work, self._stored = None, {}
        with settled_transaction(database, lambda _: self._evidence) as self._work:
            return work(self._work)

    def settle(self, database: Database, error: BaseException) -> None:
        """Find out whether the last transaction of `commit` was committed, if *error* has interrupted its COMMIT."""
        if self._work is not None and not isinstance(error, Exception):
            settle_interruption(database, self._work, error, self._evidence)

    def checkpoint(self, uow: UnitOfWork, reached: Checkpoint) -> None:
        """Store what is *reached* with this transaction; any state but ``running`` ends the work."""
        self._update(uow, **reached.columns())
        self._record_end(uow, reached.state, reached.counts)

    def heartbeat(self, uow: UnitOfWork) -> None:
        """Extend the lease while there is nothing to store yet."""
        self._update(uow, state="running")

    def end(self, uow: UnitOfWork, state: str) -> None:
        """End the import in *state*."""
        self._update(uow, state=state)
        self._record_end(uow, state, self.reached.counts)

    def release(self, uow: UnitOfWork) -> bool:
        """Give the lease back, so that another process can continue at once.

        Reads what is committed, which an interrupted process may not know.

        Returns:
            Whether this process still had the lease.
        """
        if not uow.jobs.release(self.id, owner=self._lease.owner):
            self.is_over = uow.jobs.get(self.id).state == "done"
            return False
        self.reached = Checkpoint.of(uow.jobs.get(self.id))
        return True

    def _record_end(self, uow: UnitOfWork, state: str, counts: Counts) -> None:
        if state != "running":
            uow.events.append([import_finished(self._description, state, counts)])

    @property
    def _evidence(self) -> Evidence:
        return Evidence(self._is_as_stored, self._advice)

    def _is_as_stored(self, uow: UnitOfWork) -> bool:
        row = uow.jobs.get(self.id, lock=True)
        return bool(self._stored) and all(getattr(row, name) == value for name, value in self._stored.items())

    def _update(self, uow: UnitOfWork, *, state: str, **values: Any) -> None:
        self._stored = {"state": state, **values}
        lease = self._lease.columns if state == "running" else RELEASED
        changes = {"state": state, "updated_at": self._now(), **values, **lease}
        if not uow.jobs.update(self.id, changes, owner=self._lease.owner):
            raise Conflict(
                "Another process has taken over this import, because this process gave no sign of life for a minute.",
                hint="The rows that this process committed are kept; the other process continues after them.",
            )


class ImportRegistry:
    """The imports of one database.

    Args:
        database: The database.
        now: The clock.
        advice: What to do if the result of a commit stays unknown.
    """

    def __init__(self, database: Database, now: Callable[[], datetime], advice: str = RESUME) -> None:
        self._database = database
        self._now = now
        self._advice = advice
        # While its one transaction is open, an atomic import cannot renew its lease.
        self._lease = Lease(LEASE, now, expires_while_running=False)

    def claim(self, source: InputFile, files: ReportFiles, *, resume: bool, restart: bool) -> ImportRun | ImportJob:
        """Begin the import of *source*, or continue it, and open *files*.

        Args:
            source: The input.
            files: The files that report on the rows.
            resume: Whether to continue an unfinished import.
            restart: Whether to abandon an unfinished import and begin again.

        Returns:
            The import; with *resume*, the stored job if the import is finished.

        Raises:
            Conflict: Another process works on the import; it is unfinished, and neither *resume* nor *restart* says
                what to do; or the input or the options have changed.
        """
        with reading(self._database) as uow:
            # Without a lock first: the process that works on the import may hold the write lock for a long time.
            self._find_job(uow, source, resume=resume, restart=restart)
        opened: list[int] = []
        return retried(lambda: self._claim(source, files, opened, resume=resume, restart=restart))

    def _claim(
        self, source: InputFile, files: ReportFiles, opened: list[int], *, resume: bool, restart: bool
    ) -> ImportRun | ImportJob:
        """Claim the import in one attempt; *opened* are the lengths of *files* if an earlier attempt opened them."""
        with transaction(self._database, tries=MAX_ATTEMPTS) as uow:
            uow.events.lock()  # Two processes that begin at once take turns.
            job, abandoned = self._find_job(uow, source, resume=resume, restart=restart)
            if job is not None and job.state == "done":
                return job
            if abandoned is not None:
                _abandon(uow, abandoned)
            if job is None:
                opened[:] = opened or files.begin()
                job = self._new_job(source, opened)
                uow.jobs.add(job)
            else:
                if not opened:
                    opened[:] = Checkpoint.of(job).lengths
                    files.resume(opened)
                if not uow.jobs.acquire(job, self._lease, path=source.stored_path, state="running"):
                    raise _under_way("another process")
            uow.session.flush()
            uow.events.append([import_started(job)])
            return ImportRun(job, self._lease, self._now, self._advice)

    def _new_job(self, source: InputFile, lengths: Sequence[int]) -> ImportJob:
        now = self._now()
        return ImportJob(
            id=secrets.token_hex(16),
            path=source.stored_path,
            digest=source.digest,
            options=source.options.as_json(),
            started_at=now,
            updated_at=now,
            **self._lease.columns,
            **Checkpoint(Counts(), lengths).columns(),
        )

    def _find_job(
        self, uow: UnitOfWork, source: InputFile, *, resume: bool, restart: bool
    ) -> tuple[ImportJob | None, ImportJob | None]:
        """Return the job to continue, or the finished one, or None for a new one; and the job that it replaces."""
        options = source.options.as_json()
        same_input = uow.jobs.unfinished(source.digest)
        if same_input is not None:
            self._require_idle(same_input)
            if restart or (same_input.options != options and not same_input.rows_done):
                return None, same_input
            _require_resumable(same_input, source, resume=resume)
            return same_input, None
        if resume and (finished := uow.jobs.finished(source.digest, options)):
            return finished, None
        same_path = uow.jobs.unfinished_of(source.stored_path)
        if same_path is not None and (resume or restart):
            self._require_idle(same_path)
            if restart:
                return None, same_path
            if same_path.rows_done:
                raise _input_changed(same_path)
        return None, None

    def _require_idle(self, job: ImportJob) -> None:
        if holder := self._lease.holder(job):
            raise _under_way(holder.name)


def require_files_free(uow: UnitOfWork, source: InputFile) -> None:
    """Refuse to write a report file of an unfinished import of *source*.

    Raises:
        Conflict: A file of the options belongs to such an import.
    """
    job = uow.jobs.unfinished(source.digest)
    if job is None or not job.rows_done:
        return
    taken = ImportOptions.from_json(job.options).files
    for file in source.options.files & taken:
        raise Conflict(
            f"{file} belongs to an import of this input that is not finished.",
            hint="Resume that import first, or name another file.",
        )


def _abandon(uow: UnitOfWork, job: ImportJob) -> None:
    job.state = "abandoned"
    uow.events.append([import_finished(describe(job), job.state, Checkpoint.of(job).counts)])


def _under_way(process: str) -> Conflict:
    return Conflict(
        f"This import is under way: {process} works on it.",
        hint="Wait until it ends. Or stop that process, then resume the import.",
    )


def _require_resumable(job: ImportJob, source: InputFile, *, resume: bool) -> None:
    options = source.options
    stored = replace(ImportOptions.from_json(job.options), environment=options.environment)
    hint = f"Begin again with --restart, or continue: {stored.command(source.path, '--resume')}"
    if job.options != options.as_json():
        raise Conflict(
            f"An import of this input with other options is not finished; {job.rows_done} rows are imported.", hint=hint
        )
    if not resume and job.rows_done:
        raise Conflict(f"This import is not finished; {job.rows_done} rows are imported.", hint=hint)


def _input_changed(job: ImportJob) -> Conflict:
    name = "Standard input" if job.path == STDIN else job.path
    return Conflict(
        f"{name} has changed since this import began; {job.rows_done} rows are imported.",
        hint="Restore the input and resume, or begin again with the new one: --restart --if-exists skip",
    )
