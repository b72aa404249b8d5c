"""What the ways of importing have in common: the parts of one run, and its rehearsal."""

import gc
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from lback_cli.database.engine import Database
from lback_cli.imports.chunking import chunked, row_cost
from lback_cli.imports.dry_run import DryRunDependencies
from lback_cli.imports.existing_users import Baseline
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.report_files import ReportFiles
from lback_cli.imports.results import Counts, RowOutcome
from lback_cli.imports.row import Row
from lback_cli.imports.row_processor import RowProcessor
from lback_cli.managers.bulk_registration import SIGNALS
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager
from lback_cli.repositories.unit_of_work import UnitOfWork
from lback_cli.signals.dispatch import suppress_signals


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What a rehearsal came to: *counts*, up to the end or to the line where a refused row stopped it, *stopped_at*.

    *signals* and *mails* are how many it would have sent, *hashed* how many passwords it would have hashed.
    """

    counts: Counts
    stopped_at: int | None
    signals: Counter[str]
    mails: Counter[str]
    hashed: int


@dataclass(frozen=True, slots=True)
class ImportContext:
    """The parts of one import. *chunk* is as for `chunked`."""

    database: Database
    services: Dependencies
    users: UserManager
    watcher: ImportObserver
    source: InputFile
    journal: ReportFiles
    chunk: int

    def decider(self) -> RowProcessor:
        """What decides the rows for good."""
        return RowProcessor(self.database, self.users, self.services, self.source.options)

    def chunked(self, rows: Iterator[Row]) -> Iterator[list[Row]]:
        """*rows* as they are decided together."""
        options = self.source.options
        heard = any(signal.receivers for signal in SIGNALS)
        weigh = row_cost(options.mail, generates=options.passwords is not None, heard=heard)
        return chunked(rows, weigh, self.chunk)

    def stops(self, outcomes: list[RowOutcome]) -> bool:
        """Whether the last of *outcomes* ends the import."""
        return self.source.options.on_error == "stop" and outcomes[-1].kind == "failed"

    def report_progress(self, outcomes: list[RowOutcome], counts: Counts) -> None:
        """Tell the watcher what became of these rows."""
        self.report_failures(outcomes)
        self.watcher.advanced(self.source.position, counts)

    def report_failures(self, outcomes: list[RowOutcome]) -> None:
        """Tell the watcher which of these rows were refused."""
        for outcome in outcomes:
            if outcome.kind == "failed":
                self.watcher.failed(outcome)

    def dry_run(self, work: UnitOfWork, rows: Iterator[Row], each: Callable[[list[RowOutcome]], None]) -> DryRunResult:
        """Do everything, tell *each* chunk of outcomes, and undo it. Nothing is mailed, hashed or told to receivers."""
        services = DryRunDependencies(self.services)
        users = UserManager(self.database, services)
        before = Baseline(services.now(), work.users.last_id())
        decider = RowProcessor(self.database, users, services, self.source.options, before=before)
        counts, stopped_at = Counts(), None
        with suppress_signals() as signals, work.session.begin_nested() as savepoint:
            for chunk in self.chunked(rows):
                outcomes = decider.apply(work, decider.validate_and_hash(chunk, session=work.session))
                for outcome in outcomes:
                    if outcome.id is not None and outcome.id > before.last_id:
                        outcome.id = None  # taken back with the user, and given to somebody else
                each(outcomes)
                counts = counts.plus(outcomes)
                self.watcher.advanced(self.source.position, counts)
                if self.stops(outcomes):
                    stopped_at = outcomes[-1].row.line
                    break
            savepoint.rollback()
            # Users who are gone again give their ids to others.
            work.session.expunge_all()
        return DryRunResult(counts, stopped_at, signals, services.mails, services.hashed)


@contextmanager
def reduced_gc() -> Iterator[None]:
    """Look for garbage less often: what a row leaves is in no cycle, and the search takes a tenth of the time."""
    before = gc.get_threshold()
    gc.set_threshold(50_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def hashing_pool() -> Iterator[Executor]:
    """Threads that hash passwords, one for each core that this process may use; what waits is dropped at the end."""
    executor = ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    try:
        yield executor
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
