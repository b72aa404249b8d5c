"""The import of one file in a single transaction: all rows, or none."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import Final, Literal

from lback_cli.database.retry import retried
from lback_cli.errors import DatabaseError, OutcomeUnknown
from lback_cli.imports.canary import Canary, verify_canary
from lback_cli.imports.chunks import Chunk
from lback_cli.imports.context import ImportContext
from lback_cli.imports.dry_run import DryRunResult, dry_run
from lback_cli.imports.jobs import Checkpoint, ImportRun
from lback_cli.imports.pipeline import ImportPipeline
from lback_cli.imports.plan import Plan
from lback_cli.imports.results import Counts, ImportResult, RowOutcome, Tally
from lback_cli.managers.registration import PreparedUser
from lback_cli.repositories.unit_of_work import UnitOfWork, transaction

ROLLED_BACK: Final = "rolled_back"
"""The code of a row that was not imported because another row was refused, and the state of such an import."""


class AtomicPipeline(ImportPipeline):
    """Imports all rows of one file in one transaction, preceded by a dry run.

    The dry run prevents mail and signals about users who will not exist. If passwords have to be hashed, that is done
    after a first dry run and outside of the transaction, so that other writers do not wait for it.

    Args:
        context: The parts of the import.
        job: The import job.
        executor: Hashes passwords, several at once.
        plan: The plan to apply. Every row must have the outcome that the plan has for it, refused rows included.
        canary: The user whose password is verified before the commit.
    """

    def __init__(
        self,
        context: ImportContext,
        job: ImportRun,
        executor: Executor,
        *,
        plan: Plan | None = None,
        canary: Canary | None = None,
    ) -> None:
        super().__init__(context, job, executor)
        self._plan = plan
        self._canary = canary
        self._all_or_nothing = context.source.options.atomic
        self._hashed: list[PreparedUser | None] | None = None
        self._begun: dict[int, Chunk] = {}
        self._rows_reported = 0
        self._tally = Tally(misread=context.source.misread())

    def run(self) -> ImportResult:
        """Import all rows, or none.

        Raises:
            Conflict: The plan does not hold any more.
        """
        job, database = self._job, self._context.database
        try:
            while (reached := self._commit(self._import_all, self._begun.values())) is None:
                self._hash_passwords()
        except ImportRolledBackError as rolled_back:
            reached = rolled_back.reached
        except BaseException as error:
            if not isinstance(error, OutcomeUnknown):
                # Fails if the transaction was committed: then the generated passwords are needed.
                with suppress(Exception):
                    with transaction(database) as uow:
                        job.end(uow, ROLLED_BACK)
                    self._context.files.discard_passwords()
            raise
        else:
            job.reached = reached
            state: Literal["stopped", "done"] = "stopped" if reached.state == "stopped" else "done"
            return ImportResult(state, reached.counts, job.id, self._tally)
        retried(lambda: job.commit(database, lambda uow: job.checkpoint(uow, reached)))
        self._context.files.discard_passwords()
        return ImportResult(ROLLED_BACK, reached.counts, job.id)

    def _import_all(self, uow: UnitOfWork) -> Checkpoint | None:
        """Import all rows; return None if passwords have to be hashed first."""
        uow.events.lock()  # No other writer may come between the dry run and the import.
        if self._dry_run(uow).hashes and self._hashed is None:
            return None
        checker = None if self._plan is None else self._plan.checker(states=False)
        reached, canary_imported = self._job.reached, False
        self._tally = Tally(misread=self._context.source.misread())
        for chunk in self._chunks(uow):
            rows_before = reached.counts.total
            reached = self._write(uow, chunk, reached)
            self._tally.add(chunk.outcomes, chunk.created_groups, chunk.mails)
            self._report_once(chunk.outcomes, reached.counts)
            if checker is not None:
                checker.compare(chunk.outcomes)
            elif reached.counts.failed:
                self._roll_back(chunk.outcomes, rows_before)
            canary_imported = canary_imported or any(map(self._sets_canary, chunk.outcomes))
            if reached.state == "stopped":
                break
        self._context.source.require_unchanged()
        if self._canary is not None and canary_imported:
            verify_canary(uow, self._context.services, self._canary)
        if reached.state == "running":
            reached = replace(reached, state="done")
        self._job.checkpoint(uow, reached)
        return reached

    def _dry_run(self, uow: UnitOfWork) -> DryRunResult:
        """Run everything and roll it back.

        Raises:
            Conflict: The plan does not hold any more.
            ImportRolledBackError: A row is refused, and the import is all or nothing.
        """
        files, lengths = self._context.files, self._job.reached.lengths
        checker = None if self._plan is None else self._plan.checker()

        def process_outcomes(outcomes: list[RowOutcome]) -> None:
            nonlocal lengths
            if checker is not None:
                checker.compare(outcomes)
            if self._all_or_nothing:
                self._context.report_failures(outcomes)
                lengths = files.write([_undone(outcome) for outcome in outcomes])

        result = dry_run(self._context, uow, process_outcomes)
        if checker is not None:
            checker.finish()
        if self._all_or_nothing and result.counts.failed:
            raise ImportRolledBackError(result.counts, lengths)
        files.truncate(self._job.reached.lengths)
        return result

    def _hash_passwords(self) -> None:
        """Hash the passwords of all rows, while other processes may write."""
        context, job = self._context, self._job
        self._hashed = []
        for rows in context.chunks():
            users = self._processor.prepare(rows, self._executor).users
            self._hashed += [user if user is not None and user.password is not None else None for user in users]
            retried(lambda: job.commit(context.database, job.heartbeat))
            context.observer.advanced(context.source.position, Counts())

    def _chunks(self, uow: UnitOfWork) -> Iterator[Chunk]:
        """Yield the prepared chunks. An earlier attempt's chunk is yielded again if it has announced anything."""
        hashed = iter(self._hashed or ())
        for number, rows in enumerate(self._context.chunks()):
            ready = list(islice(hashed, len(rows)))
            chunk = self._begun.get(number)
            if chunk is None:
                # It may have to hash a password: users who existed when passwords were hashed may be gone.
                chunk = self._processor.prepare(rows, self._executor, uow.session, ready)
                self._begun[number] = chunk
            yield chunk
            if not chunk.has_announcements:
                del self._begun[number]

    def _report_once(self, outcomes: list[RowOutcome], counts: Counts) -> None:
        """Report the progress, unless an earlier attempt has reported these rows."""
        if counts.total > self._rows_reported:
            self._rows_reported = counts.total
            self._context.report_progress(outcomes, counts)

    def _sets_canary(self, outcome: RowOutcome) -> bool:
        """Return whether *outcome* gave the canary the password in the file. Otherwise the old password stays."""
        canary, options = self._canary, self._context.source.options
        replaced = outcome.kind == "updated" and options.overwrite_passwords
        if canary is None or not (outcome.kind == "created" or replaced):
            return False
        return canary.is_in(outcome.row, self._context.services)

    def _roll_back(self, outcomes: Sequence[RowOutcome], rows_before: int) -> None:
        """Report the failures among *outcomes*, which the dry run did not foresee, and undo everything.

        A receiver, the mail server or the machine may cause them. Rows are identified by their number, and not by their
        line, because many records may share a line. *rows_before* is the number of rows before *outcomes*.
        """
        files, lengths = self._context.files, self._job.reached.lengths
        failures = {number: outcome for number, outcome in enumerate(outcomes, rows_before) if outcome.kind == "failed"}
        files.truncate(lengths)
        total = 0
        for rows in self._context.chunks():
            numbered = enumerate(rows, total)
            lengths = files.write(
                [failures.get(number) or _undone(RowOutcome(row, "created")) for number, row in numbered]
            )
            total += len(rows)
        raise ImportRolledBackError(Counts(created=total - len(failures), failed=len(failures)), lengths)


class ImportRolledBackError(DatabaseError):
    """The transaction is rolled back, because a row was refused."""

    def __init__(self, counts: Counts, lengths: Sequence[int]) -> None:
        """Create the error; *counts* are those of an import that goes on after refused rows."""
        super().__init__("It was undone, as another row of the file failed.")
        undone = Counts(skipped=counts.total - counts.failed, failed=counts.failed)
        self.reached = Checkpoint(undone, lengths, ROLLED_BACK)


def _undone(outcome: RowOutcome) -> RowOutcome:
    if outcome.kind == "failed":
        return outcome
    return RowOutcome(outcome.row, "skipped", code=ROLLED_BACK, message="Nothing was imported, as another row failed.")
