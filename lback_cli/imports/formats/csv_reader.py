"""Read users from CSV (RFC 4180), strictly: what is not CSV is refused and never guessed.

Blocks of lines that hold whole, plain records are parsed at once, which is what makes a million rows fast. Any other
block is cut into records that are parsed one by one: after an error, a parser of the whole file would lose the rest.
"""

import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.columns import PLAIN_COLUMNS, ColumnChoice, Layout
from lback_cli.imports.formats.csv_injection import unescaped
from lback_cli.imports.formats.detection import require_line_ends
from lback_cli.imports.formats.dialect import RFC_4180, Dialect, in_utf8, not_in_encoding, patterns, without_mark
from lback_cli.imports.row import (
    LARGEST_FIELD,
    LARGEST_RECORD,
    ImportRow,
    RowReader,
    broken_row,
    row_of,
)

LARGEST_RECORD_LINES = 50
"""Lines of the longest record. Without a limit, the whole rest of the file would belong to an unclosed quote."""

csv.field_size_limit(LARGEST_RECORD)  # or a long cell would not be CSV, even of a column that is not read

_BLOCK = 32 * 1024
"""Bytes that are read at once. The rest of the last line is added to them."""

_LINE = re.compile(rb"[^\n]*\n|[^\n]+")

_Record = tuple[int, bytes, list[str], str | None]
"""The number of the first line, the text if it is needed, the fields, and why they cannot be used, or None."""


class _Block(NamedTuple):
    """Records that are a line each: the number of the *first*, and the *fields* of all. Blank lines have none."""

    first: int
    fields: list[list[str]]


EMPTY_ROWS = "empty rows"
"""What rows are whose cells are all empty, as spreadsheets write them; they are left out."""


def read_csv(
    file: BinaryIO,
    choice: ColumnChoice = PLAIN_COLUMNS,
    dialect: Dialect = RFC_4180,
    left_out: Counter[str] | None = None,
) -> Iterator[ImportRow]:
    """Yield the rows of *file*, each with the number of its first line; a byte order mark is skipped.

    Args:
        file: The file.
        choice: Which columns are read.
        dialect: How the table is written.
        left_out: Counts rows that are left out.

    Raises:
        ValidationError: The header is missing, or an import cannot use it.
    """
    lines = _LineReader(in_utf8(file, dialect.encoding))
    layout = _read_layout(lines, choice, dialect)
    reader = RowReader(layout.fields, choice.known)
    left_out = Counter() if left_out is None else left_out
    whole = layout.indexes is None
    for records in _records(lines, layout.width, dialect):
        if isinstance(records, _Block):
            cells_of_rows = records.fields if whole else [cells and layout.pick(cells) for cells in records.fields]
            if (rows := reader.read_block(records.first, cells_of_rows)) is not None:
                yield from rows
                continue
        for line, raw, cells, problem in _each(records):
            if problem is not None:
                yield broken_row(line, ValidationError("row", problem), raw=raw)
            elif len(cells) != layout.width:
                if any(cells):
                    wrong_width = f"The row has {len(cells)} fields, the header {layout.width}."
                    yield broken_row(line, ValidationError("row", wrong_width), raw=raw)
                else:
                    left_out[EMPTY_ROWS] += 1
            elif len(raw) > LARGEST_FIELD:
                yield row_of(line, dict(zip(layout.fields, layout.pick(cells), strict=True)), choice.known)
            elif (row := reader.read(line, cells if whole else layout.pick(cells))) is not None:
                yield row
            else:
                left_out[EMPTY_ROWS] += 1


def read_header(file: BinaryIO, choice: ColumnChoice, dialect: Dialect) -> Layout:
    """Return what the cells of the rows of *file* are.

    Raises:
        ValidationError: There is no header, or an import cannot use it.
    """
    return _read_layout(_LineReader(in_utf8(file, dialect.encoding)), choice, dialect)


def _read_layout(lines: "_LineReader", choice: ColumnChoice, dialect: Dialect) -> Layout:
    for _ in range(dialect.skip_lines):
        lines.skip_rest(lines.next() or b"")
    parser = _RecordParser(dialect)
    header = None
    while header is None and (raw := lines.next()) is not None:
        header = _record(lines, without_mark(raw), parser)
    if header is None:
        raise ValidationError("columns", "The file is empty.", hint="The first line names the columns.")
    line, raw, fields, problem = header
    require_line_ends(raw)
    if problem is not None:
        raise ValidationError("columns", f"line {line}: {problem}", hint="The first line names the columns.")
    return choice.layout(fields, f"line {line}")


def _records(lines: "_LineReader", width: int, dialect: Dialect) -> Iterator["_Block | _Record"]:
    """Yield the records, in blocks as far as possible; *width* is the number of their fields."""
    parser = _RecordParser(dialect)
    while block := lines.next_block():
        parsed = _parse_block(block, width, parser)
        if parsed is not None:
            first, lines.number = lines.number + 1, lines.number + len(parsed)
            yield _Block(first, parsed)
            continue
        lines.queue(_LINE.findall(block))
        while lines.has_queued and (raw := lines.next()) is not None:
            if (record := _record(lines, raw, parser)) is not None:
                yield record


def _each(records: "_Block | _Record") -> Iterator[_Record]:
    """Yield the records that are not blank."""
    if not isinstance(records, _Block):
        yield records
        return
    for number, fields in enumerate(records.fields, records.first):
        if fields:
            yield number, b"", fields, None


def _parse_block(block: bytes, width: int, parser: "_RecordParser") -> list[list[str]] | None:
    """Return the fields of each line of *block*, or None unless all lines are plain records. Blank lines have none."""
    is_plain = (
        parser.patterns.records_on_one_line.fullmatch(block)
        if b'"' in block
        else b"\r" not in block or block.count(b"\r") == block.count(b"\r\n")
    )
    if not is_plain or len(block) > LARGEST_FIELD:
        return None
    try:
        rows = list(csv.reader(io.StringIO(block.decode("utf-8"), newline=""), delimiter=parser.delimiter, strict=True))
    except (UnicodeDecodeError, csv.Error):
        return None
    if any(len(row) != width and row for row in rows):
        return None
    return [list(map(unescaped, row)) for row in rows] if b"'" in block else rows


def _record(lines: "_LineReader", raw: bytes, parser: "_RecordParser") -> _Record | None:
    """Return the record that begins with the line *raw*, which was just read; None for a blank line."""
    number = lines.number
    if not raw.strip():
        return None
    if len(raw) > LARGEST_RECORD:
        lines.skip_rest(raw)
        return number, raw, [], f"The row has more than {LARGEST_RECORD} bytes."
    if b'"' not in raw or parser.patterns.closed.fullmatch(raw):
        return number, raw, *parser.fields(raw)
    if not parser.patterns.opened.fullmatch(raw):
        _, problem = parser.fields(raw)
        return number, raw, [], problem or "The row is not CSV: a quote within a field that is not quoted."
    pieces, size, closed = [raw], len(raw), False
    while not closed and len(pieces) < LARGEST_RECORD_LINES and size <= LARGEST_RECORD:
        following = lines.next()
        if following is None:
            break
        pieces.append(following)
        size += len(following)
        # Within a field quotes are doubled, so an odd number of them ends the field.
        closed = following.count(b'"') % 2 == 1
    whole, fields, problem = b"".join(pieces), list[str](), "A quote is opened and not closed."
    if closed and parser.patterns.closed.fullmatch(whole):
        fields, problem = parser.fields(whole)
    if problem is None:
        return number, whole, fields, None
    # Only the first line is refused: the lines after it may be good records.
    lines.put_back(pieces[1:])
    return number, raw, [], problem


class _LineReader:
    """Reads the lines of a file. Of a line that is longer than the largest record, it reads one byte more than that.

    Attributes:
        number: The number of the last line that was read.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._queued: deque[bytes] = deque()
        self.number = 0

    @property
    def has_queued(self) -> bool:
        """Whether lines are queued."""
        return bool(self._queued)

    def next(self) -> bytes | None:
        """Return the next line, or None at the end."""
        if self._queued:
            raw = self._queued.popleft()
        else:
            raw = self._file.readline(LARGEST_RECORD + 1)
            if not self.number:
                raw = without_mark(raw)
        if not raw:
            return None
        self.number += 1
        return raw

    def next_block(self) -> bytes:
        """Return several lines at once, or nothing at the end of the file. The caller counts or queues the lines."""
        block = self._file.read(_BLOCK)
        if block and not block.endswith(b"\n"):
            started = len(block) - (block.rfind(b"\n") + 1)
            block += self._file.readline(max(LARGEST_RECORD + 1 - started, 1))
        return block

    def queue(self, lines: list[bytes]) -> None:
        """Make *lines*, which come from `next_block`, the next lines."""
        self._queued.extend(lines)

    def put_back(self, lines: list[bytes]) -> None:
        """Make *lines*, which come from `next`, the next lines again."""
        self._queued.extendleft(reversed(lines))
        self.number -= len(lines)

    def skip_rest(self, raw: bytes) -> None:
        """Skip the rest of the line that begins with *raw*."""
        while raw and not raw.endswith(b"\n"):
            raw = self._queued.popleft() if self._queued else self._file.readline(LARGEST_RECORD)


class _RecordParser:
    """Parses records one by one.

    Attributes:
        delimiter: What separates the fields.
        patterns: The patterns of records.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.delimiter = dialect.delimiter
        self.patterns = patterns(dialect.delimiter)
        self._encoding = dialect.encoding
        self._lines = _LineQueue()
        # One reader for all records: creating one takes as long as parsing a record.
        self._reader = csv.reader(self._lines, delimiter=dialect.delimiter, strict=True)

    def fields(self, raw: bytes) -> tuple[list[str], str | None]:
        """Return the fields of a record, and why they cannot be used, or None."""
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            return [], not_in_encoding(error, "row", self._encoding)
        self._lines.append(text)
        if b"\n" in raw[:-2] or b"\r" in raw[:-2]:
            self._lines.clear()
            self._lines.extend(io.StringIO(text, newline=""))
        try:
            fields = next(self._reader)
        except csv.Error as error:
            self._lines.clear()
            return [], f"The row is not CSV: {error}."
        if self._lines:
            self._lines.clear()
            return [], "The row is not CSV: a line ends in the middle of it."
        return (list(map(unescaped, fields)) if b"'" in raw else fields), None


class _LineQueue(deque[str]):
    """An iterator over queued lines. When it is exhausted, more lines can be added, and it yields them."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self:
            raise StopIteration
        return self.popleft()
