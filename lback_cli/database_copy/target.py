"""The database that a copy goes to."""

import contextlib
import hashlib
import re
import secrets
from collections.abc import Generator, Iterator

from sqlalchemy import Table

from lback_cli.database.engine import Database
from lback_cli.database.schema import COPYING_PREFIX, REVISION, Schema
from lback_cli.database.url import without_password
from lback_cli.database_copy.same_database import advisory_marker, has_marker
from lback_cli.database_copy.tables import Row, TableCopy
from lback_cli.errors import DatabaseError, LbackError, SchemaError, UsageError
from lback_cli.text.shell_quoting import command_line

START_AGAIN = "Name an empty database, or empty this one and copy again."

_OPTIONS = (("database.password_file", "--to-password-file"), ("database.url", "--to"))
"""The settings that errors of a database name, and the options that replace them for the target."""

_COMMAND = re.compile(r"(?P<quote>'?)(?P<command>lback db (?:adopt|init|status|upgrade))(?P=quote)")
"""A command in a hint, with or without quotes. It needs the target's URL, or it would run on the source."""


@contextlib.contextmanager
def renaming_settings_to_options(database: Database | None = None) -> Iterator[None]:
    """Let errors about the target *database* name the options of `lback db copy` in place of settings."""
    try:
        yield
    except LbackError as error:
        error.message = _renamed(error.message, database)
        error.hint = None if error.hint is None else _renamed(error.hint, database)
        error.args = (error.message,)
        raise


def _renamed(text: str, database: Database | None) -> str:
    for setting, option in _OPTIONS:
        text = text.replace(setting, option)
    if database is None:
        return text
    url = command_line([without_password(database.url)])
    return _COMMAND.sub(lambda found: f"{found['command']} --database-url {url}", text)


class CopyTarget:
    """The *database* that a copy of *source* goes to.

    During the copy the revision of its tables is a mark, so that no other command accepts them. The mark names the
    source and the run: if two copies go to one target, the one that began later owns the mark, and the other ends.
    """

    def __init__(self, database: Database, source: Database) -> None:
        self.name = database.name
        self.is_marked = False
        """Whether this copy has marked the target."""
        self.has_current_data = False
        """Whether the target had lback's current tables with rows: an earlier copy finished it, or it is not a copy."""
        self.is_own_partial_copy = False
        """Whether everything in the target comes from an interrupted copy of the same source."""
        self._database = database
        self._source = _fingerprint(source)
        self._mark = ""

    def require_different_from(self, source: Database) -> None:
        """Raise `UsageError` if *source* is the same database. Raises `DatabaseError` too."""
        with contextlib.ExitStack() as marking:
            with renaming_settings_to_options(self._database):
                marker = marking.enter_context(advisory_marker(self._database))
            same = has_marker(source, marker)
        if same:
            raise UsageError("Source and target are the same database.", hint="Name another database with --to.")

    def mark(self) -> None:
        """Create the tables and the mark, unless the target has data. Raises `SchemaError` and `DatabaseError`."""
        with renaming_settings_to_options(self._database):
            schema = Schema(self._database)
            found = schema.status()
            if found.state == "copying":
                assert found.revision is not None, "the mark is the revision"
                self._take_over(found.revision)
                return
            schema.initialize()
            with self._database.session() as session:
                copy = TableCopy(session)
                self.has_current_data = not copy.is_empty()
                if not self.has_current_data:
                    self._set_mark(copy, REVISION, self._source)
        self.is_marked = not self.has_current_data

    def unmark(self) -> None:
        """Remove the mark. Raises `DatabaseError` if another copy owns it."""
        with self.writing() as copy:
            copy.change_revision(self._mark, REVISION)

    def rows(self, table: Table) -> Generator[Row]:
        """Yield the rows of *table*, as `TableCopy.rows` does."""
        with renaming_settings_to_options(self._database), self._database.reading() as session:
            yield from TableCopy(session).rows(table)

    def empty(self) -> None:
        """Delete the rows of an earlier copy."""
        with self.writing() as copy:
            copy.empty()

    @contextlib.contextmanager
    def writing(self) -> Iterator[TableCopy]:
        """Open the tables in a transaction. Raises `DatabaseError`, also if another copy owns the mark."""
        with renaming_settings_to_options(self._database), self._database.session() as session:
            copy = TableCopy(session)
            # This locks the row of the revision until the commit, so that only one copy writes at a time.
            if not copy.change_revision(self._mark, self._mark):
                raise DatabaseError(
                    f"Another copy to {self.name} was started meanwhile.", hint="Let it finish, then copy again."
                )
            yield copy

    @contextlib.contextmanager
    def reading(self) -> Iterator[TableCopy]:
        """Open the tables in a snapshot. Raises `DatabaseError`."""
        with renaming_settings_to_options(self._database), self._database.reading() as session:
            yield TableCopy(session)

    def _take_over(self, revision: str) -> None:
        """Take over the mark of an interrupted copy."""
        version, _, rest = revision.removeprefix(COPYING_PREFIX).partition("-")
        if version != REVISION:
            raise SchemaError(f"Another version of lback started the copy in {self.name}.", hint=START_AGAIN)
        source = rest.partition("-")[0]
        self.is_own_partial_copy = source == self._source
        with self._database.session() as session:
            self._set_mark(TableCopy(session), revision, source)
        self.is_marked = True

    def _set_mark(self, copy: TableCopy, revision: str, source: str) -> None:
        self._mark = f"{COPYING_PREFIX}{REVISION}-{source}-{secrets.token_hex(4)}"
        if not copy.change_revision(revision, self._mark):
            raise SchemaError(f"Another process is setting up {self.name}.", hint="Try again.")


def _fingerprint(source: Database) -> str:
    """Return eight hex digits for the name of *source*; the column of the revision has no room for more."""
    name = str(source.path.resolve()) if source.path is not None else source.name
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]
