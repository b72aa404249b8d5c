"""Importing all or nothing, in one transaction."""

from contextlib import suppress
from itertools import islice
from typing import Final, Literal

from lback_cli.database.retry import is_transient, retried
from lback_cli.errors import DatabaseError, OutcomeUnknown
from lback_cli.imports.canary import Canary, verify_canary
from lback_cli.imports.context import DryRunResult, ImportContext, hashing_pool
from lback_cli.imports.jobs import ImportRun
from lback_cli.imports.pending_row import HashedPassword, PendingRow
from lback_cli.imports.plan import Plan
from lback_cli.imports.results import Counts, Result, RowOutcome
from lback_cli.repositories.unit_of_work import UnitOfWork, transaction
from lback_cli.signals import CATALOGUE, delivered

ROLLED_BACK: Final = "rolled_back"
"""The code of a row that was not imported because another failed."""


class _RolledBackError(Exception):
    """Takes the transaction back: *counts* of rows failed or were left out."""

    def __init__(self, counts: Counts, lengths: list[int]) -> None:
        self.counts = counts
        self.lengths = lengths


class AtomicImport:
    """One import in one transaction; with a *plan*, exactly that.

    Everything is rehearsed first, so that nobody is mailed or told of users who are not going to be there. Where there
    are passwords to be hashed, that is done after a first rehearsal and before the transaction, so that no other writer
    waits for it. Where the database gives the transaction up it is tried again, but not once somebody was mailed or
    told: then it fails.
    """

    def __init__(
        self,
        run: ImportContext,
        job: ImportRun,
        lengths: list[int],
        plan: Plan | None = None,
        canary: Canary | None = None,
    ) -> None:
        """*lengths* are those of the files of the journal before the first row; a *canary* is tried at the end."""
        self._canary = canary
        self._atomic = run.source.options.atomic
        self._run = run
        self._job = job
        self._start = lengths
        self._plan = plan
        self._hashed: list[HashedPassword | None] | None = None
        self._announced: list[PendingRow] = []
        self._noticed = False

    def result(self) -> Result:
        """Do it. Raises `Conflict` when the plan does not hold, and whatever ends an import early."""
        database = self._run.database
        try:
            return self._work()
        except _RolledBackError as nothing:
            counts, lengths = nothing.counts, nothing.lengths
        except BaseException as error:
            if not self._job.was_committed(database, error):
                self._take_back(error)
            if isinstance(error, OutcomeUnknown):
                raise
            # Where the end was committed, as it may have been here too, users have no other passwords than those.
            with suppress(Exception):
                with transaction(database) as work:
                    self._job.end(work, ROLLED_BACK)
                self._run.journal.discard()
            raise
        # Outside of the except block, or an error here would have that one as its cause.
        self._take_back(DatabaseError("It was undone, as another row of the file failed."))
        job = self._job
        retried(lambda: job.commit(database, lambda work: job.checkpoint(work, counts, lengths, state=ROLLED_BACK)))
        self._run.journal.discard()
        return Result(ROLLED_BACK, counts, job.id)

    def _work(self) -> Result:
        while (done := retried(self._try, passes=lambda error: is_transient(error) and not self._noticed)) is None:
            self._hashed = self._hash()
        return done

    def _take_back(self, error: BaseException) -> None:
        """Announce of everybody who was announced that *error* leaves nothing of it."""
        for draft in self._announced:
            draft.announce_failed(error)

    def _try(self) -> Result | None:
        """All of it, or None if passwords are to be hashed first. What nobody noticed may be tried again."""

        def change(work: UnitOfWork) -> Result | None:
            work.events.lock()  # nobody else writes between the rehearsal and the real thing
            rehearsed = self._rehearse(work)
            if rehearsed.hashed and self._hashed is None:
                return None
            heard = delivered.receivers or any(known.signal.receivers for known in CATALOGUE.values())
            self._noticed = bool(rehearsed.mails or heard)
            return self._perform(work)

        self._run.journal.truncate(self._start)
        return self._job.commit(self._run.database, change)

    def _hash(self) -> list[HashedPassword | None]:
        """What there is of each row's password, in their order. Others may write meanwhile."""
        run, found = self._run, list[HashedPassword | None]()
        decider = run.decider()
        with hashing_pool() as executor:
            for chunk in run.chunked(run.source.rows()):
                found += [draft.hashed for draft in decider.validate_and_hash(chunk, executor)]
                retried(lambda: self._job.commit(run.database, self._job.heartbeat))
                run.watcher.advanced(run.source.position, Counts())
        return found

    def _rehearse(self, work: UnitOfWork) -> DryRunResult:
        run, lengths = self._run, self._start

        checker = None if self._plan is None else self._plan.checker()

        def each(outcomes: list[RowOutcome]) -> None:
            nonlocal lengths
            if checker is not None:
                checker.compare(outcomes)
            if self._atomic:
                run.report_failures(outcomes)
                lengths = run.journal.write([_undone(outcome) for outcome in outcomes])

        rehearsed = run.dry_run(work, run.source.rows(), each)
        if checker is not None:
            checker.finish()
        counts = rehearsed.counts
        if self._atomic and counts.failed:
            raise _RolledBackError(_left_out(counts.total, counts.failed), lengths)
        run.journal.truncate(self._start)
        return rehearsed

    def _perform(self, work: UnitOfWork) -> Result:
        run, decider = self._run, self._run.decider()
        checker = None if self._plan is None else self._plan.checker(states=False)
        counts, lengths = Counts(), self._start
        stopped = moved_in = False
        hashed = iter(self._hashed or ())
        with hashing_pool() as executor:
            for chunk in run.chunked(run.source.rows()):
                # Who was there when passwords were hashed may be gone by now.
                drafts = decider.validate_and_hash(chunk, executor, work.session, list(islice(hashed, len(chunk))))
                if self._noticed:
                    self._announced += drafts
                outcomes = decider.apply(work, drafts)
                counts = counts.plus(outcomes)
                run.report_progress(outcomes, counts)
                if checker is not None:
                    checker.compare(outcomes)
                elif counts.failed:
                    self._give_up(counts.total - len(outcomes), outcomes)
                lengths = run.journal.write(outcomes)
                if self._canary is not None:
                    moved_in = moved_in or any(map(self._moves_in, outcomes))
                if stopped := run.stops(outcomes):
                    break
        run.source.require_unchanged()
        if self._canary is not None and moved_in:
            verify_canary(work, run.services, self._canary)
        state: Literal["stopped", "done"] = "stopped" if stopped else "done"
        self._job.checkpoint(work, counts, lengths, state=state)
        return Result(state, counts, self._job.id)

    def _moves_in(self, outcome: RowOutcome) -> bool:
        """Whether this gave the canary the hash of the file; one who was there may keep another."""
        replaced = outcome.kind == "updated" and self._run.source.options.overwrite_passwords
        return (outcome.kind == "created" or replaced) and self._canary is not None and self._canary.is_in(outcome.row)

    def _give_up(self, before: int, outcomes: list[RowOutcome]) -> None:
        """A receiver, the mail server or the machine refused what the rehearsal did not: say so of those rows.

        *before* is how many rows there were before those of *outcomes*: many may share a line.
        """
        run, lengths = self._run, self._start
        failures = {index: outcome for index, outcome in enumerate(outcomes, before) if outcome.kind == "failed"}
        run.journal.truncate(self._start)
        total = 0
        for chunk in run.chunked(run.source.rows()):
            numbered = enumerate(chunk, total)
            lengths = run.journal.write(
                [failures.get(index) or _undone(RowOutcome(row, "created")) for index, row in numbered]
            )
            total += len(chunk)
        raise _RolledBackError(_left_out(total, len(failures)), lengths)


def _undone(outcome: RowOutcome) -> RowOutcome:
    if outcome.kind == "failed":
        return outcome
    return RowOutcome(outcome.row, "skipped", None, ROLLED_BACK, "Nothing was imported, as another row failed.")


def _left_out(total: int, failed: int) -> Counts:
    return Counts(skipped=total - failed, failed=failed)
