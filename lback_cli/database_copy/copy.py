"""Copy all of lback's data to another database, and verify the copy."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table

from lback_cli.database.engine import Database
from lback_cli.database.schema import Schema
from lback_cli.database_copy.observer import CopyObserver
from lback_cli.database_copy.tables import PAGE_SIZE, TABLES, Digest, Row, TableCopy
from lback_cli.database_copy.target import START_AGAIN, CopyTarget
from lback_cli.errors import DatabaseError
from lback_cli.events.verifier import VerificationResult
from lback_cli.repositories.event_repository import ChainHead


@dataclass(frozen=True, slots=True)
class CopyResult:
    """A verified copy.

    Attributes:
        rows: The number of rows by table.
        copied_before: How many of them an interrupted copy had copied.
        events: The length of the event log.
        hash: The hash of its last event.
        digest: The SHA-256 of all users.
        left_out: The columns, as ``table.column``, that an application has added to the source; they are not copied.
    """

    rows: Mapping[str, int]
    copied_before: int
    events: int
    hash: str
    digest: str
    left_out: Sequence[str] = ()


class _UnexpectedDataError(DatabaseError):
    """The target has rows that the source does not have."""


class DatabaseCopy:
    """Copies all tables of lback from *source* to *target*, including queued mail and the positions of sinks.

    Ids are kept. An application's own tables and columns are not copied.

    The target may be missing, empty, or left by an interrupted copy, which is then continued; if the source has changed
    since, the copy starts again. No other command accepts the target until the copy is complete and verified. The
    source is read in one snapshot and not changed. At the end it is read again, to detect changes that the copy lacks.
    """

    def __init__(self, source: Database, target: Database, *, observer: CopyObserver | None = None) -> None:
        self._source = source
        self._target = CopyTarget(target, source)
        self._observer = observer or CopyObserver()

    def run(self) -> CopyResult:
        """Copy and verify. Memory holds one page of rows at a time.

        Raises:
            UsageError: Source and target are the same database.
            SchemaError: The tables of the source or the target do not fit.
            DatabaseError: The target has other data, the verification failed, or the source changed meanwhile.
            BrokenEventLog: The event log of the source is broken; nothing was copied.
        """
        try:
            return self._run()
        except Exception:
            raise
        except BaseException:
            self._observer.interrupted(begun=self._target.is_marked)
            raise
        finally:
            self._observer.ended()

    def _run(self) -> CopyResult:
        Schema(self._source).require()
        self._target.require_different_from(self._source)
        with self._source.reading() as session:
            source = TableCopy(session)
            log = source.events.verify()
            self._target.mark()
            digests, copied_before = self._copy_or_restart(source)
            if not self._target.has_current_data:
                self._finalize(source, log)
            self._verify_target(digests, log)
            left_out = source.application_columns()
        self._require_unchanged(digests, log)
        if not self._target.has_current_data:
            self._target.unmark()
        rows = {name: digest.rows for name, digest in digests.items()}
        return CopyResult(rows, copied_before, log.events, log.hash, str(digests["users"]), left_out)

    def _copy_or_restart(self, source: TableCopy) -> tuple[dict[str, Digest], int]:
        """Copy what the target lacks, or empty the target and copy everything; return also how many rows it had."""
        try:
            return self._copy_all(source)
        except _UnexpectedDataError:
            if not self._target.is_own_partial_copy:
                raise
            self._observer.emptied()
            self._target.empty()
            return self._copy_all(source)

    def _copy_all(self, source: TableCopy) -> tuple[dict[str, Digest], int]:
        self._observer.begun("copied", sum(source.count(table) for table in TABLES))
        digests: dict[str, Digest] = {}
        copied_before = 0
        for table in TABLES:
            digests[table.name], present = self._copy(source, table)
            copied_before += present
            self._observer.copied(table.name, digests[table.name].rows)
        return digests, copied_before

    def _copy(self, source: TableCopy, table: Table) -> tuple[Digest, int]:
        """Compare the rows that the target already has, and add the others; return also how many it had."""
        with contextlib.closing(source.rows(table)) as rows:
            digest = self._compare(table, rows)
            present = digest.rows
            self._add(table, rows, digest)
        return digest, present

    def _compare(self, table: Table, rows: Iterator[Row]) -> Digest:
        """Consume as many *rows* as the target has, and return their digest."""
        digest = Digest()
        with contextlib.closing(self._target.rows(table)) as present:
            for page in _pages(present):
                for target_row in page:
                    row = next(rows, None)
                    if row is None or tuple(row) != tuple(target_row):
                        raise self._unexpected_data(table)
                    digest.add(row)
                self._observer.advanced(len(page))
        return digest

    def _add(self, table: Table, rows: Iterator[Row], digest: Digest) -> None:
        """Add *rows* to the target and to *digest*."""
        for page in _pages(rows):
            if self._target.has_current_data:
                raise self._unexpected_data(table)
            with self._target.writing() as target:
                target.insert(table, page)
            for row in page:
                digest.add(row)
            self._observer.advanced(len(page))

    def _finalize(self, source: TableCopy, log: VerificationResult) -> None:
        """Set the next id of each table and the head of the event log."""
        for table in TABLES:
            last_id = source.last_id(table)
            with self._target.writing() as target:
                target.set_next_id_above(table, last_id)
        with self._target.writing() as target:
            target.set_chain_head(ChainHead(log.events, log.hash))

    def _verify_target(self, digests: Mapping[str, Digest], log: VerificationResult) -> None:
        """Read everything back, and verify the copied event log."""
        with self._target.reading() as target:
            self._observer.begun("read back", _count(digests))
            for table in TABLES:
                found, expected = target.digest(table, self._observer.advanced), digests[table.name]
                if (found.rows, str(found)) != (expected.rows, str(expected)):
                    raise DatabaseError(
                        f"{self._target.name} does not return what was copied: {table.name} has {found.rows} rows"
                        f" with the digest {found}, but should have {expected.rows} with {expected}.",
                        hint=START_AGAIN,
                    )
            if target.events.head() != ChainHead(log.events, log.hash) or target.events.verify() != log:
                raise DatabaseError(
                    f"The event log in {self._target.name} does not end as it should.", hint=START_AGAIN
                )

    def _require_unchanged(self, digests: Mapping[str, Digest], log: VerificationResult) -> None:
        """Compare the source as it is now with what was copied."""
        self._observer.begun("compared", _count(digests))
        with self._source.reading() as session:
            source = TableCopy(session)
            changed = [
                table.name
                for table in TABLES
                if str(source.digest(table, self._observer.advanced)) != str(digests[table.name])
            ]
        # The comparison takes long, so check once more in a new snapshot what can be checked fast.
        with self._source.reading() as session:
            source = TableCopy(session)
            if not changed and source.events.head() != ChainHead(log.events, log.hash):
                changed = ["lback_events"]
            changed = changed or [table.name for table in TABLES if source.count(table) != digests[table.name].rows]
        if changed:
            repeat = START_AGAIN if self._target.has_current_data else "Then run the same command again."
            raise DatabaseError(
                f"The source changed during the copy, so {self._target.name} lacks changes of: {', '.join(changed)}.",
                hint=f"Stop what writes to {self._source.name}. {repeat}",
            )

    def _unexpected_data(self, table: Table) -> _UnexpectedDataError:
        return _UnexpectedDataError(
            f"{self._target.name} has other data: {table.name} does not start with the rows of the source.",
            hint=f"It is not a copy of this source, or one of them has changed since. {START_AGAIN}",
        )


def _count(digests: Mapping[str, Digest]) -> int:
    return sum(digest.rows for digest in digests.values())


def _pages(rows: Iterator[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE_SIZE:
            yield page
            page = []
    if page:
        yield page
