"""Moving everything to another database: another machine's, or another kind of one."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.database_copy.observer import CopyObserver
from lback_cli.database_copy.tables import PAGE, TABLES, Digest, Row, TableCopy
from lback_cli.database_copy.target import AFRESH, CopyTarget
from lback_cli.errors import DatabaseError
from lback_cli.events.verifier import COLUMNS, VerificationResult, Verifier
from lback_cli.repositories.event_repository import ChainHead


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What was copied and proved: *rows* by table, of which *found* in all were there already.

    *events* is the length of the event log and *hash* its head's; *digest* is the SHA-256 of all users. *left_out* are
    the columns, as ``table.column``, that an application has added to the source for itself.
    """

    rows: Mapping[str, int]
    found: int
    events: int
    hash: str
    digest: str
    left_out: Sequence[str] = ()


class _OtherDataError(DatabaseError):
    """The target has rows that are not the source's."""


class DatabaseCopy:
    """Copies all tables of lback from *source* to *target*, queued mail and the positions of sinks included.

    Ids are kept. Tables and columns that are an application's own stay behind.

    The target may not exist yet, be empty, or have been left by an earlier run that was cut off: that is continued, or
    begun anew where the source has changed since. Until all is there and proved, no other command accepts the target.
    The source is read in one snapshot and not changed; at the end it is read once more, as whoever wrote to it
    meanwhile wrote what was not copied.
    """

    def __init__(self, source: Database, target: Database, *, watcher: CopyObserver | None = None) -> None:
        self._source = source
        self._target = CopyTarget(target, source)
        self._watcher = watcher or CopyObserver()

    def run(self) -> CopyResult:
        """Copy and prove. What is in memory at a time is a page of rows, however many there are.

        Raises `UsageError` where source and target are the same, `SchemaError` for a target that cannot be copied to,
        `DatabaseError` where it holds other data, the proof fails or the source has changed meanwhile, and
        `BrokenEventLog` for a source whose event log does not hold: then nothing is copied.
        """
        try:
            return self._run()
        except Exception:
            raise
        except BaseException:
            self._watcher.interrupted(begun=self._target.begun)
            raise
        finally:
            self._watcher.ended()

    def _run(self) -> CopyResult:
        Schema(self._source).require()
        self._target.require_other_than(self._source)
        with self._source.reading() as session:
            source = TableCopy(session)
            verdict = _verify(source)
            self._target.mark()
            digests, found = self._copy_or_restart(source)
            if not self._target.finished:
                self._finalize(source, verdict)
            self._verify_target(digests, verdict)
            left_out = source.left_out()
        self._require_unchanged(digests, verdict)
        if not self._target.finished:
            self._target.unmark()
        rows = {name: digest.rows for name, digest in digests.items()}
        return CopyResult(rows, found, verdict.events, verdict.hash, str(digests["users"]), left_out)

    def _copy_or_restart(self, source: TableCopy) -> tuple[dict[str, Digest], int]:
        """Add what the target lacks, or begin anew where that is not enough; how many rows it had."""
        try:
            return self._copy_all(source)
        except _OtherDataError:
            if not self._target.disposable:
                raise
            self._watcher.emptied()
            self._target.empty()
            return self._copy_all(source)

    def _copy_all(self, source: TableCopy) -> tuple[dict[str, Digest], int]:
        self._watcher.begun("copied", sum(source.count(table) for table in TABLES))
        digests: dict[str, Digest] = {}
        found = 0
        for table in TABLES:
            digests[table.name], there = self._copy(source, table)
            found += there
            self._watcher.copied(table.name, digests[table.name].rows)
        return digests, found

    def _copy(self, source: TableCopy, table: Table) -> tuple[Digest, int]:
        """Compare the rows that the target has, which come first, and add the others; how many it had."""
        with contextlib.closing(source.rows(table)) as rows:
            digest = self._compare(table, rows)
            found = digest.rows
            self._add(table, rows, digest)
        return digest, found

    def _compare(self, table: Table, rows: Iterator[Row]) -> Digest:
        """Take from *rows* as many as the target has; what they amount to."""
        digest = Digest()
        with contextlib.closing(self._target.rows(table)) as arrived:
            for page in _pages(arrived):
                for there in page:
                    row = next(rows, None)
                    if row is None or tuple(row) != tuple(there):
                        raise self._other_data(table)
                    digest.add(row)
                self._watcher.advanced(len(page))
        return digest

    def _add(self, table: Table, rows: Iterator[Row], digest: Digest) -> None:
        """Add *rows* to the target and to *digest*."""
        for page in _pages(rows):
            if self._target.finished:
                raise self._other_data(table)
            with self._target.writing() as target:
                target.insert(table, page)
            for row in page:
                digest.add(row)
            self._watcher.advanced(len(page))

    def _finalize(self, source: TableCopy, verdict: VerificationResult) -> None:
        """Set what is no row of a table: where ids go on, and the end of the event log."""
        for table in TABLES:
            last_id = source.last_id(table)
            with self._target.writing() as target:
                target.continue_above(table, last_id)
        with self._target.writing() as target:
            target.set_head(ChainHead(verdict.events, verdict.hash))

    def _verify_target(self, digests: Mapping[str, Digest], verdict: VerificationResult) -> None:
        """Read everything back, and verify the event log as it arrived."""
        with self._target.reading() as target:
            self._watcher.begun("read back", _sum(digests))
            for table in TABLES:
                arrived, sent = target.digest(table, self._watcher.advanced), digests[table.name]
                if (arrived.rows, str(arrived)) != (sent.rows, str(sent)):
                    raise DatabaseError(
                        f"{self._target.name} does not give back what was copied: {table.name} has {arrived.rows} rows"
                        f" with the digest {arrived}, and should have {sent.rows} with {sent}.",
                        hint=AFRESH,
                    )
            if target.events.head() != ChainHead(verdict.events, verdict.hash) or _verify(target) != verdict:
                raise DatabaseError(f"The event log in {self._target.name} does not end as it should.", hint=AFRESH)

    def _require_unchanged(self, digests: Mapping[str, Digest], verdict: VerificationResult) -> None:
        """Compare the source as it is by now with what was copied, which is of the moment when that began."""
        self._watcher.begun("compared", _sum(digests))
        with self._source.reading() as session:
            source = TableCopy(session)
            changed = [
                table.name
                for table in TABLES
                if str(source.digest(table, self._watcher.advanced)) != str(digests[table.name])
            ]
        # That took its time too, and this takes none.
        with self._source.reading() as session:
            source = TableCopy(session)
            if not changed and source.events.head() != ChainHead(verdict.events, verdict.hash):
                changed = ["lback_events"]
            changed = changed or [table.name for table in TABLES if source.count(table) != digests[table.name].rows]
        if changed:
            again = AFRESH if self._target.finished else "Then run the same command again: it brings over what changed."
            raise DatabaseError(
                f"The source changed while it was copied, so {self._target.name} does not have all of it:"
                f" {', '.join(changed)}.",
                hint=f"Stop what writes to {self._source.name}. {again}",
            )

    def _other_data(self, table: Table) -> _OtherDataError:
        return _OtherDataError(
            f"{self._target.name} holds other data: {table.name} is not the beginning of what is to be copied.",
            hint=f"It is no copy of this source, or one side has changed since it was made. {AFRESH}",
        )


def _verify(tables: TableCopy) -> VerificationResult:
    """Prove the whole event log. Raises `BrokenEventLog`."""
    verifier = Verifier()
    head = tables.events.head()
    verifier.feed(tables.events.walk(COLUMNS))
    return verifier.finish((head.seq, head.hash) if head else (None, None))


def _sum(digests: Mapping[str, Digest]) -> int:
    return sum(digest.rows for digest in digests.values())


def _pages(rows: Iterator[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page
