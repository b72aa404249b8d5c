"""Import users from a file, plan an import, and apply a plan."""

import contextlib
import gc
import os
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor

from lback_cli.database.engine import Database
from lback_cli.errors import OutcomeUnknown
from lback_cli.imports.atomic import AtomicPipeline
from lback_cli.imports.canary import Canary, verify_canary_row
from lback_cli.imports.chunks import CHUNK_COST
from lback_cli.imports.columns import ImportColumns
from lback_cli.imports.context import ImportContext
from lback_cli.imports.dry_run import DryRunResult, dry_run
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.jobs import APPLY_AGAIN, RESUME, Checkpoint, ImportRegistry, ImportRun, require_files_free
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.pipeline import ImportPipeline
from lback_cli.imports.plan import Plan, PlanWriter
from lback_cli.imports.report_files import ReportFiles, require_distinct_files
from lback_cli.imports.results import ImportResult, RowOutcome
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.models import ImportJob
from lback_cli.repositories.unit_of_work import transaction
from lback_cli.text.shell_quoting import command_line


class Importer:
    """Imports users into one database, through the operations of *users*.

    Args:
        database: The database of *users*.
        services: The dependencies of *users*.
        users: The manager that registers and updates users.
        observer: The observer of the import.
        canary: A user whose password must match the hash in the file; otherwise nothing is imported.
        chunk_cost: The cost of a chunk at most, as `chunked` takes it.
    """

    def __init__(
        self,
        database: Database,
        services: Dependencies,
        users: UserManager,
        observer: ImportObserver | None = None,
        *,
        canary: Canary | None = None,
        chunk_cost: int = CHUNK_COST,
    ) -> None:
        self._database = database
        self._services = services
        self._users = users
        self._observer = observer or ImportObserver()
        self._canary = canary
        self._chunk_cost = chunk_cost

    def run(self, path: str, options: ImportOptions, *, resume: bool = False, restart: bool = False) -> ImportResult:
        """Import a file.

        Whatever interrupts the import, each chunk is committed as a whole or not at all, and so is its part of the
        report files.

        Args:
            path: The file; ``-`` is standard input.
            options: How to import it.
            resume: Whether to continue an interrupted import after the last committed row.
            restart: Whether to abandon an interrupted import and begin again.

        Raises:
            ValidationError: The file as a whole cannot be read.
            Conflict: As `ImportRegistry.claim` raises it.
        """
        with self._open(path, options) as context, self._claim(context, resume=resume, restart=restart) as job:
            if isinstance(job, ImportJob):
                return ImportResult("finished", Checkpoint.of(job).counts, job.id)
            with _hashing_pool() as executor, _reduced_gc():
                if options.atomic:
                    result = AtomicPipeline(context, job, executor, canary=self._canary).run()
                else:
                    result = ImportPipeline(context, job, executor).run()
                return context.finish(result)

    def plan(self, path: str, options: ImportOptions, writer: PlanWriter) -> DryRunResult:
        """Write a plan of the import with *writer*, from a dry run that changes nothing."""
        with self._open(path, options, writer=writer) as context, transaction(self._database) as uow:
            require_files_free(uow, context.source)
            context.files.begin()
            self._observer.begun(context.source.size, 0)
            writer.begin(context.source, context.source.options)

            def process_outcomes(outcomes: list[RowOutcome]) -> None:
                context.report_failures(outcomes)
                context.files.write(outcomes)
                writer.add(outcomes)

            result = dry_run(context, uow, process_outcomes)
            result.tally.left_out.update(context.source.left_out)
            context.files.discard_empty_rejects()
            writer.end(result)
        return result

    def apply(self, plan: Plan, options: ImportOptions, *, restart: bool = False) -> ImportResult:
        """Do exactly what *plan* says, in one transaction.

        Args:
            plan: The plan.
            options: The options of the plan; only the report files may differ.
            restart: Whether to abandon an unfinished import of the same input.

        Raises:
            Conflict: The input or a row that it touches has changed since the plan was made, or an import of the input
                is not finished and *restart* is not set.
        """
        with (
            self._open(plan.path, options, plan=plan) as context,
            self._claim(context, resume=False, restart=restart, applies_plan=True) as job,
            _hashing_pool() as executor,
            _reduced_gc(),
        ):
            assert isinstance(job, ImportRun), "only a resumed import can be finished already"
            return context.finish(AtomicPipeline(context, job, executor, plan=plan, canary=self._canary).run())

    @contextlib.contextmanager
    def _open(
        self, path: str, options: ImportOptions, *, writer: PlanWriter | None = None, plan: Plan | None = None
    ) -> Iterator[ImportContext]:
        """Open the input and the report files; *writer* or *plan* is the plan to write or to apply."""
        require_distinct_files(
            options, path, plan_file=None if writer is None else writer.path, apply=None if plan is None else plan.file
        )
        with contextlib.closing(InputFile(path, options, ImportColumns(self._services.attributes))) as source:
            if plan is not None:
                # First: an input that has changed may have any other fault.
                plan.require_input(source.digest)
            if options.guess:
                self._observer.guessed(command_line(source.options.reading_words()))
                for note in source.unread_activities():
                    self._observer.unread(note)
            options = source.options
            columns = source.columns()
            # Reading the first row finds faults of the file as a whole before anything is begun.
            source.require_rows()
            if self._canary is not None:
                verify_canary_row(source.rows(), self._services, self._canary)
            with contextlib.closing(ReportFiles(options, columns, dry_run=writer is not None)) as files:
                try:
                    yield ImportContext(
                        database=self._database,
                        services=self._services,
                        users=self._users,
                        observer=self._observer,
                        source=source,
                        files=files,
                        chunk_cost=self._chunk_cost,
                    )
                finally:
                    self._observer.ended()

    @contextlib.contextmanager
    def _claim(
        self, context: ImportContext, *, resume: bool, restart: bool, applies_plan: bool = False
    ) -> Iterator[ImportRun | ImportJob]:
        """Claim the job of the import; release it if the import is interrupted."""
        source = context.source
        registry = ImportRegistry(self._database, self._services.now, APPLY_AGAIN if applies_plan else RESUME)
        job = registry.claim(source, context.files, resume=resume, restart=restart)
        if isinstance(job, ImportJob):
            yield job
            return
        self._observer.begun(source.size, job.rows_done)
        try:
            yield job
        except BaseException as error:
            with contextlib.suppress(Exception), transaction(self._database) as uow:
                if job.release(uow):
                    context.files.truncate(job.reached.lengths)
            self._observer.ended()
            in_one_transaction = source.options.atomic or applies_plan
            command = None if in_one_transaction else source.options.command(source.path, "--resume")
            if job.is_over:
                self._observer.over()
            elif command is not None or not isinstance(error, OutcomeUnknown):
                self._observer.interrupted(command, job.rows_done)
            raise


@contextlib.contextmanager
def _hashing_pool() -> Iterator[Executor]:
    """Yield threads that hash passwords, one for each core of this process; what is not begun is dropped at the end."""
    executor = ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _reduced_gc() -> Iterator[None]:
    """Collect garbage less often: rows leave no cycles, and the collector would take a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)
