"""Read users from CSV (RFC 4180), strictly: what is not CSV is a bad row, never a good guess."""

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
from lback_cli.imports.row import LARGEST_FIELD, LARGEST_RECORD, Row, broken_row, require_columns, row_of, row_of_texts

LARGEST_RECORD_LINES = 50
"""Lines of one record: an unclosed quote would swallow the rest of the file."""

_FIELD = rb'(?:"(?:[^"]++|"")*+"|[^",\r\n]*+)'
_CLOSED = re.compile(rb"(?:%b,)*+%b(?:\r?\n)?" % (_FIELD, _FIELD))
"""A whole record (RFC 4180, section 2)."""
_OPENED = re.compile(rb'(?:%b,)*+"(?:[^"]++|"")*+' % _FIELD)
"""The first line of a record whose last field goes on in the next."""

_Record = tuple[int, bytes, list[str], str | None]


def read_csv(file: BinaryIO) -> Iterator[Row]:
    """The rows of *file*, with the number of the line each begins on; a byte order mark is passed over.

    Raises `ValidationError` when the header is missing or names no such columns.
    """
    records = _records(file)
    columns = _columns(records)
    for line, raw, found, unreadable in records:
        problem = unreadable
        if problem is None and len(found) != len(columns):
            problem = f"The row has {len(found)} fields, the header {len(columns)}."
        if problem is not None:
            yield broken_row(line, ValidationError("row", problem), raw=raw)
            continue
        fields = list(map(unescaped, found)) if b"'" in raw else found
        read = row_of_texts if len(raw) <= LARGEST_FIELD else row_of
        yield read(line, dict(zip(columns, fields, strict=True)))


def read_header(file: BinaryIO) -> tuple[str, ...]:
    """The columns that the first record of *file* names. Raises `ValidationError`."""
    return _columns(_records(file))


def _columns(records: Iterator[_Record]) -> tuple[str, ...]:
    header = next(records, None)
    if header is None:
        raise ValidationError("columns", "The file is empty.", hint="The first line names the columns.")
    line, raw, fields, problem = header
    require_commas(raw)
    if problem is not None:
        raise ValidationError("columns", f"line {line}: {problem}", hint="The first line names the columns.")
    columns = tuple(column.strip().lower() for column in fields)
    require_columns(columns, f"line {line}")
    return columns


def _records(file: BinaryIO) -> Iterator[_Record]:
    """(line, text, fields, problem) of each record that is not blank.

    Records are cut out here and parsed one at a time: a parser that ran over the whole file would be lost after the
    first error, and the rows behind it with it.
    """
    lines, parser = _LineReader(file), _RecordParser()
    while (raw := lines.next()) is not None:
        number = lines.number
        if not raw.strip():
            continue
        if len(raw) > LARGEST_RECORD:
            lines.skip_rest(raw)
            yield number, raw, [], f"The row has more than {LARGEST_RECORD} bytes."
            continue
        if b'"' not in raw or _CLOSED.fullmatch(raw):
            yield number, raw, *parser.fields(raw)
            continue
        if not _OPENED.fullmatch(raw):
            _, problem = parser.fields(raw)
            yield number, raw, [], problem or "The row is not CSV: a quote within a field that is not quoted."
            continue
        pieces, size, closed = [raw], len(raw), False
        while not closed and len(pieces) < LARGEST_RECORD_LINES and size <= LARGEST_RECORD:
            following = lines.next()
            if following is None:
                break
            pieces.append(following)
            size += len(following)
            # Quotes come in pairs but for that which ends the field, as a quote within a field is doubled.
            closed = following.count(b'"') % 2 == 1
        whole, fields, problem = b"".join(pieces), list[str](), "A quote is opened and not closed."
        if closed and _CLOSED.fullmatch(whole):
            fields, problem = parser.fields(whole)
        if problem is None:
            yield number, whole, fields, None
        else:
            # Only the first line is given up: what follows it may well be sound.
            lines.put_back(pieces[1:])
            yield number, raw, [], problem


class _LineReader:
    """The lines of a file, none longer than a record may be by more than a byte; some can be put back."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._waiting: deque[bytes] = deque()
        self.number = 0

    def next(self) -> bytes | None:
        """The next line, or None at the end."""
        if self._waiting:
            raw = self._waiting.popleft()
        else:
            raw = self._file.readline(LARGEST_RECORD + 1)
            if not self.number:
                raw = raw.removeprefix(codecs.BOM_UTF8)
        if not raw:
            return None
        self.number += 1
        return raw

    def put_back(self, pieces: list[bytes]) -> None:
        """Make *pieces* the next lines again."""
        self._waiting.extendleft(reversed(pieces))
        self.number -= len(pieces)

    def skip_rest(self, raw: bytes) -> None:
        """Pass over what is left of the line that begins with *raw*."""
        while raw and not raw.endswith(b"\n"):
            raw = self._waiting.popleft() if self._waiting else self._file.readline(LARGEST_RECORD)


class _RecordParser:
    """Parses one record after the other, each on its own."""

    def __init__(self) -> None:
        self._lines = _LineQueue()
        # One for all records: making one takes as long as parsing a record.
        self._reader = csv.reader(self._lines, strict=True)

    def fields(self, raw: bytes) -> tuple[list[str], str | None]:
        """The fields of a record, or what is wrong with it."""
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
        return fields, None


class _LineQueue(deque[str]):
    """What was put in comes out, and after an end there may be more."""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if not self:
            raise StopIteration
        return self.popleft()
