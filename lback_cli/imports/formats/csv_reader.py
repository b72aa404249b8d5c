"""Read users from CSV (RFC 4180), strictly: what is not CSV is refused and never guessed.

Blocks of lines that hold whole, plain records are parsed at once, which is what makes a million rows fast. Any other
block is cut into records that are parsed one by one: after an error, a parser of the whole file would lose the rest.
"""

import codecs
import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.csv_injection import unescaped
from lback_cli.imports.formats.detection import require_commas
from lback_cli.imports.row import (
    BUILT_IN_COLUMNS,
    LARGEST_FIELD,
    LARGEST_RECORD,
    ImportColumns,
    ImportRow,
    RowReader,
    broken_row,
    require_columns,
    row_of,
)

LARGEST_RECORD_LINES = 50
"""Lines of the longest record. Without a limit, the whole rest of the file would belong to an unclosed quote."""

_BLOCK = 32 * 1024
"""Bytes that are read at once. The rest of the last line is added to them."""

_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_CLOSED = re.compile(rb"(?:%b,)*+%b(?:\r?\n)?" % (_FIELD, _FIELD))
"""A whole record (RFC 4180, section 2)."""
_OPENED = re.compile(rb'(?:%b,)*+"(?:[^"]++|"")*+' % _FIELD)
"""The first line of a record whose last field continues on the next line."""

_FIELD_ON_ONE_LINE = rb'(?:"(?:[^"\r\n]++|"")*+"|[^",\r\n]*+)'
_RECORDS_ON_ONE_LINE = re.compile(
    rb"(?:(?:%b,)*+%b\r?\n)*+(?:(?:%b,)*+%b)?" % ((_FIELD_ON_ONE_LINE,) * 4),
)
_LINE = re.compile(rb"[^\n]*\n|[^\n]+")

_Record = tuple[int, bytes, list[str], str | None]
"""The number of the first line, the text if it is needed, the fields, and why they cannot be used, or None."""


def read_csv(file: BinaryIO, known: ImportColumns = BUILT_IN_COLUMNS) -> Iterator[ImportRow]:
    """Yield the rows of *file*, each with the number of its first line; a byte order mark is skipped.

    Args:
        file: The file.
        known: The columns that the file may have.

    Raises:
        ValidationError: The header is missing, or an import cannot use it.
    """
    lines = _LineReader(file)
    columns = _read_header(lines, known)
    reader = RowReader(columns, known)
    for line, raw, cells, problem in _records(lines, len(columns)):
        if problem is not None:
            yield broken_row(line, ValidationError("row", problem), raw=raw)
        elif len(cells) != len(columns):
            wrong_width = f"The row has {len(cells)} fields, the header {len(columns)}."
            yield broken_row(line, ValidationError("row", wrong_width), raw=raw)
        elif len(raw) > LARGEST_FIELD:
            yield row_of(line, dict(zip(columns, cells, strict=True)), known)
        else:
            yield reader.read(line, cells)


def read_header(file: BinaryIO, known: ImportColumns) -> tuple[str, ...]:
    """Return which of the *known* columns the first record of *file* names.

    Raises:
        ValidationError: There is no header, or an import cannot use it.
    """
    return _read_header(_LineReader(file), known)


def _read_header(lines: "_LineReader", known: ImportColumns) -> tuple[str, ...]:
    parser = _RecordParser()
    header = None
    while header is None and (raw := lines.next()) is not None:
        header = _record(lines, raw, parser)
    if header is None:
        raise ValidationError("columns", "The file is empty.", hint="The first line names the columns.")
    line, raw, fields, problem = header
    require_commas(raw)
    if problem is not None:
        raise ValidationError("columns", f"line {line}: {problem}", hint="The first line names the columns.")
    columns = tuple(column.strip().lower() for column in fields)
    require_columns(columns, known, f"line {line}")
    return columns


def _records(lines: "_LineReader", width: int) -> Iterator[_Record]:
    """Yield the records that are not blank; *width* is the number of their fields."""
    parser = _RecordParser()
    while block := lines.next_block():
        parsed = _parse_block(block, width)
        if parsed is not None:
            first, lines.number = lines.number + 1, lines.number + len(parsed)
            for number, fields in enumerate(parsed, first):
                if fields:
                    yield number, b"", fields, None
            continue
        lines.queue(_LINE.findall(block))
        while lines.has_queued and (raw := lines.next()) is not None:
            if (record := _record(lines, raw, parser)) is not None:
                yield record


def _parse_block(block: bytes, width: int) -> list[list[str]] | None:
    """Return the fields of each line of *block*, or None unless all lines are plain records. Blank lines have none."""
    is_plain = (
        _RECORDS_ON_ONE_LINE.fullmatch(block)
        if b'"' in block
        else b"\r" not in block or block.count(b"\r") == block.count(b"\r\n")
    )
    if not is_plain or len(block) > LARGEST_FIELD:
        return None
    try:
        rows = list(csv.reader(io.StringIO(block.decode("utf-8"), newline=""), strict=True))
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
    if b'"' not in raw or _CLOSED.fullmatch(raw):
        return number, raw, *parser.fields(raw)
    if not _OPENED.fullmatch(raw):
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
    if closed and _CLOSED.fullmatch(whole):
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
                raw = raw.removeprefix(codecs.BOM_UTF8)
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
    """Parses records one by one."""

    def __init__(self) -> None:
        self._lines = _LineQueue()
        # One reader for all records: creating one takes as long as parsing a record.
        self._reader = csv.reader(self._lines, strict=True)

    def fields(self, raw: bytes) -> tuple[list[str], str | None]:
        """Return the fields of a record, and why they cannot be used, or None."""
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            return [], f"Byte {error.start + 1} of the row is not UTF-8."
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
