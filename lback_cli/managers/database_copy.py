"""Moving everything to another database: another machine's, or another kind of one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Table
from sqlalchemy.orm import Session

from lback_cli.database.engine import Database
from lback_cli.database.schema import COPYING, REVISION, Schema
from lback_cli.errors import DatabaseError, SchemaError, UsageError
from lback_cli.events.verifier import COLUMNS, Verdict, Verifier
from lback_cli.repositories.event_repository import EventRepository, Head
from lback_cli.repositories.table_copy import PAGE, TABLES, Digest, Row, TableCopy

_AFRESH = "Name an empty database, or empty this one and copy again."

Progress = Callable[[str, int], None]
"""Called with the name of a table and its number of rows, once the target has all of them."""


@dataclass(frozen=True, slots=True)
class Copied:
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


class DatabaseCopy:
    """Copies all tables of lback from *source* to *target*, queued mail and the positions of sinks included.

    Ids are kept. Tables and columns that are an application's own stay behind.

    The target may not exist yet, be empty, or have been left by an earlier run that was cut off, which is continued.
    Until all is there and proved, no other command accepts it. The source is read in one snapshot and not changed.
    """

    def __init__(self, source: Database, target: Database, *, progress: Progress = lambda _table, _rows: None) -> None:
        self._source = source
        self._target = target
        self._progress = progress

    def run(self) -> Copied:
        """Copy and prove. What is in memory at a time is a page of rows, however many there are.

        Raises `UsageError` where source and target are the same, `SchemaError` for a target that cannot be copied to,
        `DatabaseError` where it holds other data or the proof fails, and `BrokenEventLog` for a source whose event log
        does not hold: then nothing is copied.
        """
        _require_two(self._source, self._target)
        Schema(self._source).require()
        with self._source.reading() as session:
            source = TableCopy(session)
            verdict = _verify(session)
            finished = self._begin()
            digests: dict[str, Digest] = {}
            found = 0
            for table in TABLES:
                digests[table.name], there = self._copy(source, table, complete=finished)
                found += there
                self._progress(table.name, digests[table.name].rows)
            if not finished:
                self._conclude(source)
            self._prove(digests, verdict)
            left_out = source.left_out()
        if not finished:
            with self._target.session() as session:
                TableCopy(session).finish()
        rows = {name: digest.rows for name, digest in digests.items()}
        return Copied(rows, found, verdict.events, verdict.hash, str(digests["users"]), left_out)

    def _begin(self) -> bool:
        """Make or mark the target; whether it has been finished by an earlier run, if it is a copy at all."""
        schema = Schema(self._target)
        status = schema.status()
        if status.state == "copying":
            if status.revision != COPYING + REVISION:
                raise SchemaError(
                    f"The copy in {self._target.name} was begun by another version of lback.", hint=_AFRESH
                )
            return False
        schema.initialize()
        with self._target.session() as session:
            target = TableCopy(session)
            if not target.is_empty():
                return True
            if not target.begin():
                raise SchemaError(f"Somebody else is setting up {self._target.name}.", hint="Try again.")
        return False

    def _copy(self, source: TableCopy, table: Table, *, complete: bool) -> tuple[Digest, int]:
        """Compare the rows that the target has, which come first, and add the others; how many it had."""
        digest = Digest()
        rows = source.rows(table)
        with self._target.reading() as session:
            for there in TableCopy(session).rows(table):
                row = next(rows, None)
                if row is None or tuple(row) != tuple(there):
                    raise _other_data(self._target, table)
                digest.add(row)
        found = digest.rows
        for page in _pages(rows):
            if complete:
                raise _other_data(self._target, table)
            with self._target.session() as session:
                TableCopy(session).insert(table, page)
            for row in page:
                digest.add(row)
        return digest, found

    def _conclude(self, source: TableCopy) -> None:
        """Set what is no row of a table: where ids go on, and the end of the event log."""
        for table in TABLES:
            last_id = source.last_id(table)
            with self._target.session() as session:
                TableCopy(session).continue_above(table, last_id)
        with self._target.session() as session:
            TableCopy(session).set_head(source.head())

    def _prove(self, digests: Mapping[str, Digest], verdict: Verdict) -> None:
        """Read everything back, and verify the event log as it arrived."""
        with self._target.reading() as session:
            target = TableCopy(session)
            for table in TABLES:
                arrived, sent = target.digest(table), digests[table.name]
                if (arrived.rows, str(arrived)) != (sent.rows, str(sent)):
                    raise DatabaseError(
                        f"{self._target.name} does not give back what was copied: {table.name} has {arrived.rows} rows"
                        f" with the digest {arrived}, and should have {sent.rows} with {sent}.",
                        hint=_AFRESH,
                    )
            if target.head() != Head(verdict.events, verdict.hash) or _verify(session) != verdict:
                raise DatabaseError(f"The event log in {self._target.name} does not end as it should.", hint=_AFRESH)


def _verify(session: Session) -> Verdict:
    """Prove the whole event log. Raises `BrokenEventLog`."""
    events, verifier = EventRepository(session), Verifier()
    head = events.head()
    verifier.feed(events.walk(COLUMNS))
    return verifier.finish((head.seq, head.hash) if head else (None, None))


def _pages(rows: Iterator[Row]) -> Iterator[list[Row]]:
    page: list[Row] = []
    for row in rows:
        page.append(row)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


def _require_two(source: Database, target: Database) -> None:
    same = source.url == target.url
    if source.path is not None and target.path is not None:
        same = source.path.resolve() == target.path.resolve()
    if same:
        raise UsageError("Source and target are the same database.", hint="--to names the other one.")


def _other_data(target: Database, table: Table) -> DatabaseError:
    return DatabaseError(
        f"{target.name} holds other data: {table.name} is not the beginning of what is to be copied.",
        hint=f"The source may have changed since an earlier copy was cut off. {_AFRESH}",
    )
