"""The database that is copied to."""

import contextlib
import hashlib
import re
import secrets
from collections.abc import Generator, Iterator

from sqlalchemy import Table

from lback_cli.database.engine import Database
from lback_cli.database.schema import COPYING, REVISION, Schema
from lback_cli.database.url import without_password
from lback_cli.database_copy.same_database import advisory_marker, has_marker
from lback_cli.database_copy.tables import Row, TableCopy
from lback_cli.errors import DatabaseError, LbackError, SchemaError, UsageError
from lback_cli.text.shell_quoting import command_line

AFRESH = "Name an empty database, or empty this one and copy again."

_OPTIONS = (("database.password_file", "--to-password-file"), ("database.url", "--to"))
"""What errors of a database call its settings, and what those of the target are called."""

_COMMAND = re.compile(r"(?P<quote>'?)(?P<command>lback db (?:adopt|init|status|upgrade))(?P=quote)")
"""A command that is advised, in quotes or not; without the target's URL it would be about the source."""


@contextlib.contextmanager
def renaming_settings_to_options(database: Database | None = None) -> Iterator[None]:
    """Let errors in the block, which are about the target *database*, speak of the options that name it."""
    try:
        yield
    except LbackError as error:
        error.message = _renamed(error.message, database)
        error.hint = None if error.hint is None else _renamed(error.hint, database)
        error.args = (error.message,)
        raise


def _renamed(sentence: str, database: Database | None) -> str:
    for setting, option in _OPTIONS:
        sentence = sentence.replace(setting, option)
    if database is None:
        return sentence
    url = command_line([without_password(database.url)])
    return _COMMAND.sub(lambda found: f"{found['command']} --database-url {url}", sentence)


class CopyTarget:
    """The *database* that a copy of *source* goes to.

    While it is copied to, its revision is a mark, so that no other command accepts it. The mark names the source, and
    the run: of two copies to one target, that which began later has it, and the other one ends.
    """

    def __init__(self, database: Database, source: Database) -> None:
        self.name = database.name
        self.begun = False
        """Whether the mark is there."""
        self.finished = False
        """Whether an earlier run has finished it, if it is a copy at all."""
        self.disposable = False
        """Whether all that is in it came from an earlier copy of the same source, which was cut off."""
        self._database = database
        self._source = _fingerprint(source)
        self._mark = ""

    def require_other_than(self, source: Database) -> None:
        """Raises `UsageError` where *source* is this very database, and `DatabaseError`."""
        with contextlib.ExitStack() as marking:
            with renaming_settings_to_options(self._database):
                mark = marking.enter_context(advisory_marker(self._database))
            same = has_marker(source, mark)
        if same:
            raise UsageError("Source and target are the same database.", hint="--to names the other one.")

    def mark(self) -> None:
        """Make or mark the target, unless it is `finished`. Raises `SchemaError` and `DatabaseError`."""
        with renaming_settings_to_options(self._database):
            schema = Schema(self._database)
            found = schema.status()
            if found.state == "copying":
                assert found.revision is not None, "the mark is the revision"
                self._continue(found.revision)
                return
            schema.initialize()
            with self._database.session() as session:
                copy = TableCopy(session)
                self.finished = not copy.is_empty()
                if not self.finished:
                    self._take(copy, REVISION, self._source)
        self.begun = not self.finished

    def unmark(self) -> None:
        """Take the mark off. Raises `DatabaseError` where another copy has taken it."""
        with self.writing() as copy:
            copy.change_revision(self._mark, REVISION)

    def rows(self, table: Table) -> Generator[Row]:
        """The rows of *table*, as `TableCopy.rows` gives them."""
        with renaming_settings_to_options(self._database), self._database.reading() as session:
            yield from TableCopy(session).rows(table)

    def empty(self) -> None:
        """Delete what an earlier copy has left."""
        with self.writing() as copy:
            copy.empty()

    @contextlib.contextmanager
    def writing(self) -> Iterator[TableCopy]:
        """The tables in a transaction. Raises `DatabaseError`, also where another copy has taken the mark."""
        with renaming_settings_to_options(self._database), self._database.session() as session:
            copy = TableCopy(session)
            # It locks the row until the end, so that no two copies write at a time.
            if not copy.change_revision(self._mark, self._mark):
                raise DatabaseError(
                    f"Another copy to {self.name} was begun meanwhile.", hint="Let that one end, and copy again."
                )
            yield copy

    @contextlib.contextmanager
    def reading(self) -> Iterator[TableCopy]:
        """The tables in a snapshot. Raises `DatabaseError`."""
        with renaming_settings_to_options(self._database), self._database.reading() as session:
            yield TableCopy(session)

    def _continue(self, revision: str) -> None:
        """Take over the mark of a copy that was cut off."""
        version, _, rest = revision.removeprefix(COPYING).partition("-")
        if version != REVISION:
            raise SchemaError(f"The copy in {self.name} was begun by another version of lback.", hint=AFRESH)
        source = rest.partition("-")[0]
        self.disposable = source == self._source
        with self._database.session() as session:
            self._take(TableCopy(session), revision, source)
        self.begun = True

    def _take(self, copy: TableCopy, revision: str, source: str) -> None:
        self._mark = f"{COPYING}{REVISION}-{source}-{secrets.token_hex(4)}"
        if not copy.change_revision(revision, self._mark):
            raise SchemaError(f"Somebody else is setting up {self.name}.", hint="Try again.")


def _fingerprint(source: Database) -> str:
    """Some letters for the name of *source*; the revision has room for no more."""
    name = str(source.path.resolve()) if source.path is not None else source.name
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
