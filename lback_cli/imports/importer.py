"""Importing users from a file: in chunks that each are a transaction, or all in one."""

import contextlib
from collections.abc import Iterator
from itertools import islice, zip_longest

from lback_cli.database.engine import Database
from lback_cli.database.retry import retried
from lback_cli.errors import OutcomeUnknown
from lback_cli.imports.all_or_nothing import AtomicImport
from lback_cli.imports.canary import Canary, verify_canary_row
from lback_cli.imports.chunking import CHUNK
from lback_cli.imports.context import DryRunResult, ImportContext, hashing_pool, reduced_gc
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.jobs import APPLY_AGAIN, RESUME, ImportRegistry, ImportRun, require_files_free
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.pending_row import PendingRow
from lback_cli.imports.plan import Plan, PlanWriter
from lback_cli.imports.report_files import ReportFiles, require_distinct_files
from lback_cli.imports.results import Counts, Result, RowOutcome
from lback_cli.imports.row_processor import RowProcessor
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import ImportJob
from lback_cli.repositories.unit_of_work import UnitOfWork, transaction


class Importer:
    """Imports users into one database, through the operations of *users*.

    With a *canary*, nothing is imported unless the hash in the file is one of its password. *chunk* is as for
    `chunked`.
    """

    def __init__(
        self,
        database: Database,
        services: Dependencies,
        users: UserManager,
        watcher: ImportObserver | None = None,
        *,
        canary: Canary | None = None,
        chunk: int = CHUNK,
    ) -> None:
        self._canary = canary
        self._database = database
        self._services = services
        self._users = users
        self._watcher = watcher or ImportObserver()
        self._chunk = chunk

    def run(self, path: str, options: ImportOptions, *, resume: bool = False, restart: bool = False) -> Result:
        """Import the file at *path*; ``-`` is standard input.

        With *resume*, an import that was interrupted goes on behind the last row that was committed; *restart* forgets
        that one. Raises `ValidationError` when the file as a whole cannot be read, and `Conflict` as
        `ImportRegistry.claim` does. Whatever ends it early leaves the rows of a chunk done or not, together with the
        files that report on them.
        """
        with self._run(path, options) as run, self._claimed(run, resume=resume, restart=restart) as job:
            if isinstance(job, ImportJob):
                return Result("finished", Counts(job.created, job.updated, job.skipped, job.failed), job.id)
            if options.atomic:
                return AtomicImport(run, job, job.lengths, canary=self._canary).result()
            return self._by_chunks(run, job)

    def plan(self, path: str, options: ImportOptions, writer: PlanWriter) -> DryRunResult:
        """Do everything, tell *writer*, and roll it back. Nothing is mailed, hashed or told to receivers."""
        with self._run(path, options, writer=writer) as run, transaction(self._database) as work:
            require_files_free(work, run.source)
            run.journal.begin()
            self._watcher.begun(run.source.size, 0)
            writer.begin(run.source, options)

            def each(outcomes: list[RowOutcome]) -> None:
                run.report_failures(outcomes)
                run.journal.write(outcomes)
                writer.add(outcomes)

            found = run.dry_run(work, run.source.rows(), each)
            writer.end(found)
        return found

    def apply(self, plan: Plan, options: ImportOptions, *, restart: bool = False) -> Result:
        """Do exactly what *plan* says, in one transaction; *options* are its own, but for the files that report.

        Raises `Conflict` when the input, or any row it touches, has changed since, and when an import of the input was
        begun and not finished, unless *restart* forgets that one.
        """
        with (
            self._run(plan.path, options, plan=plan) as run,
            self._claimed(run, resume=False, restart=restart, applied=True) as job,
        ):
            assert isinstance(job, ImportRun), "only a resumed import can be finished before it begins"
            return AtomicImport(run, job, job.lengths, plan, self._canary).result()

    @contextlib.contextmanager
    def _run(
        self, path: str, options: ImportOptions, *, writer: PlanWriter | None = None, plan: Plan | None = None
    ) -> Iterator[ImportContext]:
        """The parts of an import, of the making of a plan by *writer*, or of the applying of *plan*."""
        require_distinct_files(
            options, path, plan_file=None if writer is None else writer.path, apply=None if plan is None else plan.file
        )
        with contextlib.closing(InputFile(path, options)) as source:
            if plan is not None:
                # Before it is read: what is wrong with it may be that it was changed.
                plan.require_input(source.digest)
            columns = source.columns()
            # What is wrong with the file as a whole shows with the first row, before anything is begun.
            next(source.rows(), None)
            if self._canary is not None:
                verify_canary_row(source.rows(), self._services, self._canary)
            with contextlib.closing(ReportFiles(options, columns, dry=writer is not None)) as journal:
                try:
                    yield ImportContext(
                        self._database, self._services, self._users, self._watcher, source, journal, self._chunk
                    )
                finally:
                    self._watcher.ended()

    @contextlib.contextmanager
    def _claimed(
        self, run: ImportContext, *, resume: bool, restart: bool, applied: bool = False
    ) -> Iterator[ImportRun | ImportJob]:
        jobs = ImportRegistry(self._database, self._services.now, APPLY_AGAIN if applied else RESUME)
        job = jobs.claim(run.source, run.journal, resume=resume, restart=restart)
        if isinstance(job, ImportJob):
            yield job
            return
        self._watcher.begun(run.source.size, job.rows_done)
        try:
            yield job
        except BaseException as error:
            with contextlib.suppress(Exception), transaction(self._database) as work:
                lengths = job.release(work)
                if lengths is not None:
                    run.journal.truncate(lengths)
            self._watcher.ended()
            options = run.source.options
            command = None if options.atomic or applied else options.command(run.source.path, "--resume")
            if job.over:
                self._watcher.over()
            elif command is not None or not isinstance(error, OutcomeUnknown):
                self._watcher.interrupted(command, job.rows_done)
            raise

    def _by_chunks(self, run: ImportContext, job: ImportRun) -> Result:
        rows = run.source.rows()
        for _ in islice(rows, job.rows_done):
            pass
        decider, counts = run.decider(), job.counts
        with hashing_pool() as executor, reduced_gc():
            for chunk in run.chunked(rows):
                drafts = decider.validate_and_hash(chunk, executor)
                outcomes = self._settle(run, job, decider, drafts, counts)
                counts = counts.plus(outcomes)
                job.note_progress(counts)
                run.report_progress(outcomes, counts)
                if run.stops(outcomes):
                    return Result("stopped", counts, job.id)
        retried(lambda: job.commit(self._database, lambda work: job.end(work, "done")))
        return Result("done", counts, job.id)

    def _settle(
        self, run: ImportContext, job: ImportRun, decider: RowProcessor, drafts: list[PendingRow], counts: Counts
    ) -> list[RowOutcome]:
        """What becomes of one chunk, in a transaction that is tried again where the database gives it up."""
        before, tries = job.lengths, 0
        lengths = before

        def change(work: UnitOfWork) -> list[RowOutcome]:
            nonlocal lengths, tries
            tries += 1
            if lengths != before:
                # An earlier try wrote something.
                run.journal.truncate(before)
            outcomes = decider.apply(work, drafts)
            run.source.require_unchanged()
            lengths = run.journal.write(outcomes)
            job.checkpoint(work, counts.plus(outcomes), lengths, state="stopped" if run.stops(outcomes) else "running")
            return outcomes

        try:
            outcomes = retried(lambda: job.commit(self._database, change))
        except BaseException as error:
            if not job.was_committed(self._database, error):
                for draft in drafts:
                    draft.announce_failed(error)
            raise
        if tries > 1:
            for draft, outcome in zip_longest(drafts, outcomes):
                draft.announce_undone(outcome)
        job.lengths = lengths
        return outcomes
