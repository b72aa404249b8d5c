"""Exactly once: which import this is, who works on it, and how far it has come."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from lback_cli.database.engine import Database
from lback_cli.database.retry import MAX_ATTEMPTS, retried
from lback_cli.errors import Conflict, LbackError, OutcomeUnknown
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.options import STDIN, ImportOptions
from lback_cli.imports.report_files import NAMES, ReportFiles
from lback_cli.imports.results import Counts
from lback_cli.lease import LeaseOwner
from lback_cli.models import ImportJob
from lback_cli.repositories.unit_of_work import LOCK_TIMEOUT, UnitOfWork, reading, resolve_unknown_commit, transaction

R = TypeVar("R")

LEASE = timedelta(minutes=1)
"""How long an import that tells nothing of itself is taken for alive, where that cannot be seen."""

RESUME = "Once it can be reached, --resume goes on from what was committed."
APPLY_AGAIN = "Once it can be reached, apply the plan again: it is refused if all of it was done."
"""What to do where nobody knows whether a plan was applied, as above whether a chunk was kept."""


class ImportRun:
    """An import that this process works on.

    *over* says, once it was released, that all of it had been committed when it was interrupted.

    Every change names the owner, so a process that was taken for dead and is not changes nothing any more.
    """

    def __init__(self, row: ImportJob, owner: LeaseOwner, now: Callable[[], datetime], advice: str = RESUME) -> None:
        """*advice* is what to do where nobody knows whether the last transaction was committed."""
        self.id = row.id
        self.rows_done = row.rows_done
        self.counts = Counts(row.created, row.updated, row.skipped, row.failed)
        self.lengths = _lengths(row)
        self.over = False
        self._advice = advice
        self._owner = str(owner)
        self._now = now
        self._stored: dict[str, Any] = {}

    def checkpoint(self, work: UnitOfWork, counts: Counts, lengths: Sequence[int], *, state: str = "running") -> None:
        """Store how far the rows of this transaction bring the import; another *state* than running ends the work."""
        offsets = {f"{name}_offset": length for name, length in zip(NAMES, lengths, strict=True)}
        numbers = {"created": counts.created, "updated": counts.updated}
        numbers |= {"skipped": counts.skipped, "failed": counts.failed, "rows_done": counts.total}
        self._change(work, state=state, **numbers, **offsets)

    def commit(self, database: Database, change: Callable[[UnitOfWork], R]) -> R:
        """What *change* returns, done in one transaction, which it ends with `checkpoint` or `end`.

        Where the connection was lost during COMMIT, the stored job tells what became of it. For `retried`. Raises
        `OutcomeUnknown` where the database stays out of reach, and else what `transaction` does.
        """
        lost: BaseException | None = None
        done: list[R] = []
        self._stored = {}
        try:
            with transaction(database, tries=MAX_ATTEMPTS) as work:
                done.append(change(work))
        except OutcomeUnknown as unknown:
            if not resolve_unknown_commit(database, unknown, self._is_as_stored, self._advice):
                lost = unknown.__cause__
        if lost is not None:
            raise lost
        return done[0]

    def was_committed(self, database: Database, error: BaseException) -> bool:
        """Whether the last transaction of `keep` was committed although *error* ended it.

        Errors of lback's own tell; who was interrupted has to look.
        """
        if isinstance(error, LbackError):
            return False
        with suppress(LbackError), transaction(database, tries=MAX_ATTEMPTS, patience=LOCK_TIMEOUT) as work:
            return self._is_as_stored(work)
        return False

    def _is_as_stored(self, work: UnitOfWork) -> bool:
        row = work.jobs.get(self.id, lock=True)
        return bool(self._stored) and all(getattr(row, name) == value for name, value in self._stored.items())

    def heartbeat(self, work: UnitOfWork) -> None:
        """Say that this process is still at work, where it has nothing to store yet."""
        self._change(work, state="running")

    def note_progress(self, counts: Counts) -> None:
        """Remember what the database has now, for when it cannot be asked any more."""
        self.rows_done = counts.total

    def end(self, work: UnitOfWork, state: str) -> None:
        """Say that the import is over."""
        self._change(work, state=state)

    def release(self, work: UnitOfWork) -> list[int] | None:
        """Let another process go on at once; the lengths that are kept, or None if one has taken over already.

        What was committed is read afresh, as whoever was interrupted cannot know.
        """
        if not work.jobs.change(self.id, self._owner, {"owner": None, "lease_until": None}):
            self.over = work.jobs.get(self.id).state == "done"
            return None
        row = work.jobs.get(self.id)
        self.rows_done = row.rows_done
        return _lengths(row)

    def _change(self, work: UnitOfWork, *, state: str, **values: int) -> None:
        self._stored = {"state": state, **values}
        now = self._now()
        running = state == "running"
        at_work = {"lease_until": now + LEASE} if running else {"lease_until": None, "owner": None}
        if not work.jobs.change(self.id, self._owner, {"state": state, "updated_at": now, **values, **at_work}):
            raise Conflict(
                "Another process has taken over this import, as this one was not heard of for a minute.",
                hint="What this process had committed is kept; the other one goes on from there.",
            )


class ImportRegistry:
    """The imports of one database."""

    def __init__(self, database: Database, now: Callable[[], datetime], advice: str = RESUME) -> None:
        """*advice* is as for `ImportRun`."""
        self._database = database
        self._now = now
        self._advice = advice

    def claim(self, source: InputFile, journal: ReportFiles, *, resume: bool, restart: bool) -> ImportRun | ImportJob:
        """Begin the import of *source*, or go on with it, with the files of *journal*.

        With *resume*, the import that was finished before is returned as it was. Raises `Conflict` when another process
        works on it, when it was begun before and neither *resume* nor *restart* says what to do, and when the input or
        the options changed since.
        """
        with reading(self._database) as work:
            # Whoever works on it may hold the write lock for long, as an atomic import does.
            self._begun(work, source, resume=resume, restart=restart)
        opened: list[int] = []
        return retried(lambda: self._claim(source, journal, opened, resume=resume, restart=restart))

    def _claim(
        self, source: InputFile, journal: ReportFiles, opened: list[int], *, resume: bool, restart: bool
    ) -> ImportRun | ImportJob:
        """One try; *opened* has the lengths of the journal as an earlier one has left it open."""
        with transaction(self._database, tries=MAX_ATTEMPTS) as work:
            work.events.lock()  # two that begin at once take turns
            found = self._begun(work, source, resume=resume, restart=restart)
            if found is not None and found.state == "done":
                return found
            owner = LeaseOwner.this_process()
            if found is not None:
                if not opened:
                    journal.resume(_lengths(found))
                    opened[:] = _lengths(found)
                found.path, found.state, found.owner, found.lease_until = (
                    source.stored_path,
                    "running",
                    str(owner),
                    self._lease,
                )
            else:
                opened[:] = opened or journal.begin()
                found = self._new(source, opened, owner)
                work.jobs.add(found)
            work.session.flush()
            return ImportRun(found, owner, self._now, self._advice)

    @property
    def _lease(self) -> datetime:
        return self._now() + LEASE

    def _new(self, source: InputFile, lengths: Sequence[int], owner: LeaseOwner) -> ImportJob:
        now = self._now()
        counts = dict.fromkeys(("rows_done", "created", "updated", "skipped", "failed"), 0)
        offsets = {f"{name}_offset": length for name, length in zip(NAMES, lengths, strict=True)}
        return ImportJob(
            id=secrets.token_hex(16),
            path=source.stored_path,
            digest=source.digest,
            options=source.options.as_json(),
            state="running",
            owner=str(owner),
            lease_until=self._lease,
            started_at=now,
            updated_at=now,
            **counts,
            **offsets,
        )

    def _begun(self, work: UnitOfWork, source: InputFile, *, resume: bool, restart: bool) -> ImportJob | None:
        """The import to go on with, or the one that is done; None to begin a new one."""
        options = source.options.as_json()
        same = work.jobs.unfinished(source.digest)
        if same is not None:
            self._require_idle(same)
            if restart or (same.options != options and not same.rows_done):
                same.state = "abandoned"
                return None
            _require_resumable(same, source, resume=resume)
            return same
        if resume and (done := work.jobs.finished(source.digest, options)):
            return done
        before = work.jobs.unfinished_of(source.stored_path)
        if before is not None and (resume or restart):
            self._require_idle(before)
            if restart:
                before.state = "abandoned"
            elif before.rows_done:
                raise _changed(before)
        return None

    def _require_idle(self, job: ImportJob) -> None:
        if job.owner is None:
            return
        owner = LeaseOwner.parse(job.owner)
        lives = owner.lives
        if lives or (lives is None and job.lease_until is not None and job.lease_until > self._now()):
            raise Conflict(
                f"This import is under way: {owner.name} works on it.",
                hint="Wait for it, or stop that process; then resume.",
            )


def require_files_free(work: UnitOfWork, source: InputFile) -> None:
    """Raise `Conflict` if a file that is to be written belongs to an import of *source* that is to be resumed."""
    begun = work.jobs.unfinished(source.digest)
    if begun is None or not begun.rows_done:
        return
    theirs = ImportOptions.from_json(begun.options).files
    for file in source.options.files & theirs:
        raise Conflict(
            f"{file} belongs to an import that was begun before and not finished.",
            hint="Resume that one first, or name another file.",
        )


def _lengths(row: ImportJob) -> list[int]:
    return [getattr(row, f"{name}_offset") for name in NAMES]


def _require_resumable(job: ImportJob, source: InputFile, *, resume: bool) -> None:
    options = source.options
    before = replace(ImportOptions.from_json(job.options), environment=options.environment)
    command = before.command(source.path, "--resume")
    if job.options != options.as_json():
        raise Conflict(
            f"This file was begun to be imported with other options; {job.rows_done} rows are done.",
            hint=f"Begin again with --restart, or go on: {command}",
        )
    if not resume and job.rows_done:
        raise Conflict(
            f"This import was begun before and not finished; {job.rows_done} rows are done.",
            hint=f"Begin again with --restart, or go on: {command}",
        )


def _changed(job: ImportJob) -> Conflict:
    what = "What comes on standard input" if job.path == STDIN else job.path
    return Conflict(
        f"{what} is not what it was when this import began; {job.rows_done} rows are done.",
        hint="Put it back as it was and resume, or begin again with the new one: --restart --if-exists skip",
    )
