"""The input of an import: its format, its digest, and its rows."""

import codecs
import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO

from lback_cli.errors import Conflict, Unusable, ValidationError
from lback_cli.events.record import to_storable_text
from lback_cli.imports.columns import BUILT_IN_COLUMNS, INACTIVE, ColumnChoice, ImportColumns
from lback_cli.imports.formats.csv_reader import read_csv, read_header
from lback_cli.imports.formats.detection import require_table, require_text, wide_encoding
from lback_cli.imports.formats.dialect import UTF_8
from lback_cli.imports.formats.dialect_guess import encoding_name
from lback_cli.imports.formats.jsonl_reader import read_json, read_jsonl
from lback_cli.imports.input_opening import (
    Undecodable,
    absolute,
    being_written,
    digest_of,
    open_input,
    read_companion,
    state,
)
from lback_cli.imports.misread import MisreadText
from lback_cli.imports.options import STDIN, TEXT_FORMATS, ImportOptions
from lback_cli.imports.proposals import (
    SEE_INSPECTION,
    START,
    Sample,
    dialect_of,
    looks_like,
    propose,
    read_sample,
    reads_who_is_active,
    unread_columns,
)
from lback_cli.imports.row import LARGEST_FIELD, ImportRow
from lback_cli.imports.row_rules import RowRules
from lback_cli.imports.sources.registry import recognised_source

if TYPE_CHECKING:
    from lback_cli.imports.sources.base import SourceFormat

_LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of the longest line; a file with a longer one is not a table."""


class InputFile:
    """An input file, open as long as the import lasts.

    A pipe, or anything else that cannot be read twice, is copied to a private temporary file first, because the digest
    must be known before the first row is imported. A companion is small and read once, so that it cannot change.

    Attributes:
        options: The options of the import, with what was guessed.
        path: The absolute path.
        stored_path: The path as text that every database can store.
        size: The size in bytes of what the rows are read from.
        digest: The SHA-256 of the content, companion included, in hex.
        left_out: How many records were read and left out so far, by what they are.
    """

    def __init__(
        self,
        path: str,
        options: ImportOptions,
        known: ImportColumns = BUILT_IN_COLUMNS,
        opened: BinaryIO | None = None,
    ) -> None:
        """Open the file at *path*, which may have the *known* columns, unless it is *opened* already.

        Raises:
            UsageError: The input or the companion cannot be read, or the options do not fit the format.
            Unusable: A pipe cannot be copied.
            ValidationError: The file as a whole cannot be read.
        """
        self.options = options
        self.left_out: Counter[str] = Counter()
        self._always_left_out: Counter[str] = Counter()
        self._known = known
        self._choice = ColumnChoice.of(options, known)
        self._rules = RowRules(options, known.attributes)
        self._companion = None if options.companion is None else read_companion(options.companion)
        self._source = self._find_source()
        self.path = absolute(path)
        self.stored_path = to_storable_text(self.path)
        self._opened = self._file = open_input(path) if opened is None else opened
        try:
            self._state = state(self._opened)
            with self._reading():
                self._examine()
        except BaseException:
            self.close()
            raise
        self.size = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the file."""
        if self._source is not None:
            self._source.close()
        self._file.close()
        self._opened.close()

    @property
    def position(self) -> int:
        """The number of bytes that were read."""
        return self._file.tell()

    def rows(self) -> Iterator[ImportRow]:
        """Yield the rows from the first; earlier iterators must not be used any more.

        Raises:
            ValidationError: The file as a whole cannot be read.
        """
        self._file.seek(0)
        self.left_out.clear()
        self.left_out.update(+self._always_left_out)
        with self._reading():
            yield from self._rules.apply(self._read())

    def columns(self) -> tuple[str, ...]:
        """Return the fields of a table that are read, or those of lback for any other file.

        Raises:
            ValidationError: The header cannot be used.
        """
        options = self.options
        if options.format not in {"csv", "xlsx"}:
            return self._known.names
        self._file.seek(0)
        with self._reading():
            try:
                if options.format == "csv":
                    return read_header(self._file, self._choice, dialect_of(options)).fields
                from lback_cli.imports.formats.workbook import read_sheet_header

                return read_sheet_header(self._file, self._choice, options.skip_lines).fields
            except ValidationError as error:
                raise self._advised(error) from error

    def use(self, options: ImportOptions) -> None:
        """Read the columns as *options* say."""
        self.options = options
        self._choice = ColumnChoice.of(options, self._known)
        self._rules = RowRules(options, self._known.attributes)

    def require_rows(self) -> None:
        """Refuse a file without a row, or one that another program wrote.

        Raises:
            ValidationError: There is nothing to import.
        """
        first = next(self.rows(), None)
        if first is not None and (first.error is None or self._source is not None):
            return
        if self._source is None and (name := recognised_source(self._start())) is not None:
            raise ValidationError("file", f"The file looks like one of {name}.", hint=f"Add --from {name}.")
        if first is not None and isinstance(first.error, ValidationError) and first.error.field == "file":
            raise first.error
        if first is not None and first.error is not None and len(first.raw or "") >= LARGEST_FIELD:
            raise ValidationError("file", f"{first.place}: {first.error.message}", hint="The file may be no table.")
        if first is None:
            found = ", ".join(f"{what} ({count})" for what, count in self.left_out.items())
            left_out = f" Left out: {found}." if found else ""
            hint = None if self._source is None else self._source.no_users_hint
            raise ValidationError("file", f"{self._name} has no users.{left_out}", hint=hint)

    def sample(self) -> Sample:
        """Return the beginning of a table, or of a list of objects.

        Raises:
            ValidationError: There is none.
        """
        return read_sample(self._file, self.options)

    def misread(self) -> MisreadText:
        """Return a collector of text that was decoded wrongly, with the names of the columns."""
        names = list[str]()
        if not self.options.is_foreign:
            with contextlib.suppress(ValidationError):
                names = self.sample().names
        return MisreadText.of(self.options.encoding, names)

    def unread_activities(self) -> list[str]:
        """Return which columns may say who is active and are not read, if no column that says so is."""
        try:
            sample = self.sample()
        except ValidationError:
            return []  # the header has a fault, of which the import says more
        if self.options.is_foreign or reads_who_is_active(sample, self.options, self._known):
            return []
        unread = unread_columns(sample, self.options, self._known)
        return [misfit.text for misfit in unread if misfit.field in {"is_active", INACTIVE}]

    def require_unchanged(self) -> None:
        """Check that the file was not written to since it was opened.

        Raises:
            Conflict: It was.
        """
        if self._has_changed():
            raise Conflict(
                f"{self._name} was changed during the import.",
                hint="The committed rows are kept. Restore the file and resume, or import the new one with "
                "--if-exists skip.",
            )

    def _find_source(self) -> "SourceFormat | None":
        if not self.options.is_foreign:
            return None
        from lback_cli.imports.sources.registry import find_source

        source = find_source(self.options.format)(self._companion, self.options.email_domain, self._known)
        source.group_names, source.left_out = dict(self.options.group_map), self.left_out
        source.ignores_groups = "groups" in self.options.ignored
        return source

    def _read(self) -> Iterator[ImportRow]:
        options, encoding = self.options, self.options.encoding or UTF_8
        if self._source is not None:
            return self._source.read(self._file)
        if options.format == "csv":
            return read_csv(self._file, self._choice, dialect_of(options), self.left_out)
        if options.format == "xlsx":
            from lback_cli.imports.formats.workbook import read_sheet

            return read_sheet(self._file, self._choice, options.skip_lines, self.left_out)
        read = read_jsonl if options.format == "jsonl" else read_json
        return read(self._file, self._choice, encoding, self.left_out)

    def _examine(self) -> None:
        """Compute the digest, and refuse a file that is another kind of file than the options say."""
        is_book = self.options.format == "xlsx"
        if not is_book:
            require_text(self._start())
        is_text = self.options.format in TEXT_FORMATS
        verifies_text = is_text and self.options.encoding is None
        self.digest, undecodable = digest_of(
            self._opened,
            self._companion,
            verifies_text=verifies_text,
            longest_line=_LONGEST_LINE if self.options.format in {"csv", "jsonl"} else None,
        )
        if self._has_changed():
            raise being_written(self._name)
        if is_book:
            from lback_cli.imports.formats.workbook import OTHER_SHEETS, open_workbook

            self._opened.seek(0)
            self._file, others = open_workbook(self._opened)
            self._always_left_out[OTHER_SHEETS] = len(others)
        if is_text and not verifies_text:
            self._require_encoding()
        if verifies_text and wide_encoding(self._start()) is not None:
            # What was found in a later line may begin in the middle of a character.
            undecodable = Undecodable(1, self._start())
        if self.options.guess and not self.options.is_foreign:
            proposed = propose(self._file, self.options, self._known, undecodable and undecodable.text)
            self.use(replace(proposed, guess=False))
        elif undecodable is not None:
            proposed = propose(self._file, self.options, self._known, undecodable.text)
            reason = f"Line {undecodable.line} is not UTF-8. " if undecodable.line > 1 else ""
            raise looks_like(proposed, self.options, reason)

    def _require_encoding(self) -> None:
        """Refuse a file that the given encoding cannot decode, if another is certain."""
        start, given = self._start(), self.options.encoding or UTF_8
        other = wide_encoding(start) or UTF_8
        try:
            codecs.getincrementaldecoder(given)().decode(start)
            is_certain = other != UTF_8 and not given.startswith(("utf-16", "utf-32"))
            is_certain |= start.startswith(codecs.BOM_UTF8) and not given.startswith("utf")
        except UnicodeError:
            is_certain = other != UTF_8 or _is_utf8(start)
        if is_certain:
            advice = f"add --encoding {other}" if other != UTF_8 else "leave --encoding out"
            raise ValidationError(
                "file",
                f"The file is not {given}, but looks like {encoding_name(other)}: {advice}.",
                hint=SEE_INSPECTION,
            )

    def _advised(self, error: ValidationError) -> ValidationError:
        """Return *error*, or what the file looks like if it is not a table as it should be.

        Raises:
            ValidationError: It is not a table.
        """
        require_table(self._start())
        # The given dialect may be what is wrong.
        unsaid = replace(self.options, delimiter=None, skip_lines=0)
        proposed = propose(self._file, unsaid, self._known)
        is_other = dialect_of(proposed) != dialect_of(self.options)
        return looks_like(proposed, self.options) if is_other else self.misread().advised(error)

    def _start(self) -> bytes:
        self._file.seek(0)
        return self._file.read(START)

    def _has_changed(self) -> bool:
        return state(self._opened) != self._state

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unusable(f"Cannot read {self._name}: {error.strerror or error}.") from error

    @property
    def _name(self) -> str:
        return "Standard input" if self.path == STDIN else self.path


def _is_utf8(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder(UTF_8)().decode(start)
    except UnicodeError:
        return False
    return True
