"""The import of one file: rows, chunks, prepared users, one transaction for each chunk, report."""

from collections.abc import Callable, Collection
from concurrent.futures import Executor
from functools import partial
from itertools import islice
from typing import TypeVar

from lback_cli.database.retry import is_lost_race, is_transient, retried
from lback_cli.errors import LbackError
from lback_cli.imports.chunks import Chunk
from lback_cli.imports.context import ImportContext
from lback_cli.imports.jobs import Checkpoint, ImportRun
from lback_cli.imports.results import ImportResult, Tally
from lback_cli.imports.row_processor import RowProcessor
from lback_cli.repositories.unit_of_work import UnitOfWork

R = TypeVar("R")


class ImportPipeline:
    """Imports the rows of one file, each chunk in a transaction of its own.

    The transaction of a chunk also stores how far the import has come, so that an interrupted import can be resumed. A
    chunk that loses a race to another transaction is halved, because a shorter transaction wins more often.

    Args:
        context: The parts of the import.
        job: The import job.
        executor: Hashes passwords, several at once.
    """

    def __init__(self, context: ImportContext, job: ImportRun, executor: Executor) -> None:
        self._context = context
        self._job = job
        self._executor = executor
        self._rows_at_once: int | None = None
        self._processor = RowProcessor(context.database, context.users, context.services, context.source.options)

    def run(self) -> ImportResult:
        """Import the rows after those that earlier runs of the job have imported."""
        context, job = self._context, self._job
        tally = Tally(misread=context.source.misread())
        for rows in context.chunked(islice(context.source.rows(), job.rows_done, None)):
            self._import_in_parts(self._processor.prepare(rows, self._executor), tally)
            if job.reached.state == "stopped":
                return ImportResult("stopped", job.reached.counts, job.id, tally)
        retried(lambda: job.commit(context.database, lambda uow: job.end(uow, "done")))
        return ImportResult("done", job.reached.counts, job.id, tally)

    def _import_in_parts(self, chunk: Chunk, tally: Tally) -> None:
        """Import *chunk* in one transaction or more, and add what is committed to *tally*.

        The number of rows in a transaction is halved at each lost race, and doubled at each success.
        """
        waiting = [chunk]
        try:
            while waiting:
                chunk = waiting.pop()
                if self._rows_at_once is not None and len(chunk.rows) > self._rows_at_once:
                    chunk, rest = chunk.split(self._rows_at_once)
                    waiting.append(rest)
                try:
                    reached = self._commit(partial(self._import_chunk, chunk), [chunk], divisible=len(chunk.rows) > 1)
                except _RaceLostError:
                    chunk.was_tried = True
                    self._rows_at_once = len(chunk.rows) // 2
                    waiting.append(chunk)
                    continue
                if self._rows_at_once is not None:
                    self._rows_at_once *= 2
                self._job.reached = reached
                tally.add(chunk.outcomes, chunk.created_groups, chunk.mails)
                self._context.report_progress(chunk.outcomes, reached.counts)
                if reached.state == "stopped":
                    break
        except BaseException as error:
            for rest in waiting:
                rest.announce_failure(error)
            raise
        for rest in waiting:
            rest.announce_undone()

    def _import_chunk(self, chunk: Chunk, uow: UnitOfWork) -> Checkpoint:
        reached = self._write(uow, chunk, self._job.reached)
        self._context.source.require_unchanged()
        self._job.checkpoint(uow, reached)
        return reached

    def _write(self, uow: UnitOfWork, chunk: Chunk, reached: Checkpoint) -> Checkpoint:
        """Write the users of *chunk* and its lines of the report, and return what is reached after *reached*."""
        chunk.outcomes = self._processor.apply(uow, chunk)
        lengths = self._context.files.write(chunk.outcomes)
        state = "stopped" if self._context.stops_at(chunk.outcomes[-1]) else "running"
        return Checkpoint(reached.counts.plus(chunk.outcomes), lengths, state)

    def _commit(self, work: Callable[[UnitOfWork], R], chunks: Collection[Chunk], *, divisible: bool = False) -> R:
        """Run *work* in one transaction, which is retried if the database aborts it; return the result of *work*.

        If the last attempt fails, the *chunks* that *work* has begun announce the failure of their operations. If they
        are *divisible*, a lost race is not retried.

        Raises:
            _RaceLostError: The transaction of *divisible* chunks lost a race.
        """
        attempts = int(any(chunk.was_tried for chunk in chunks))

        def attempt(uow: UnitOfWork) -> R:
            nonlocal attempts
            attempts += 1
            if attempts > 1:
                self._context.files.truncate(self._job.reached.lengths)
            for chunk in chunks:
                chunk.outcomes = []
            return work(uow)

        try:
            result = retried(
                lambda: self._job.commit(self._context.database, attempt),
                is_retryable=lambda error: is_transient(error) and not (divisible and _is_race_lost(error)),
            )
        except BaseException as error:
            self._job.settle(self._context.database, error)
            if divisible and _is_race_lost(error):
                raise _RaceLostError from error
            for chunk in chunks:
                chunk.announce_failure(error)
            raise
        if attempts > 1:
            for chunk in chunks:
                chunk.announce_undone()
        return result


def _is_race_lost(error: BaseException) -> bool:
    return isinstance(error, LbackError) and is_transient(error) and is_lost_race(error)


class _RaceLostError(Exception):
    """Another transaction changed the same rows first, and fewer rows may be imported."""
