"""Read users from CSV (RFC 4180), strictly: what is not CSV is a bad row, never a good guess."""

import csv
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.batch.rows import LARGEST_FIELD, Row, broken_row, require_columns, row_of
from lback_cli.errors import ValidationError

LARGEST_RECORD_LINES = 50
"""Lines of one record: an unclosed quote would swallow the rest of the file."""


def read_csv(file: BinaryIO) -> Iterator[Row]:
    """The rows of *file*, with the number of the line each begins on; a byte order mark is passed over.

    Raises `ValidationError` when the header is missing or names no such columns.
    """
    records = _records(file)
    header = next(records, None)
    if header is None:
        raise ValidationError("columns", "The file is empty.", hint="The first line names the columns.")
    line, fields, problem = header
    if problem is not None:
        raise ValidationError("columns", f"line {line}: {problem}")
    columns = tuple(column.strip().lower() for column in fields)
    require_columns(columns, f"line {line}")
    for line, fields, problem in records:
        if problem is None and len(fields) != len(columns):
            problem = f"The row has {len(fields)} fields, the header {len(columns)}."
        if problem is None:
            yield row_of(line, dict(zip(columns, map(_unescaped, fields), strict=True)))
        else:
            yield broken_row(line, ValidationError("row", problem), dict(zip(columns, fields, strict=False)))


def _records(file: BinaryIO) -> Iterator[tuple[int, list[str], str | None]]:
    """(line, fields, problem) of each record that is not blank.

    Records are cut out here and parsed one at a time: a parser that ran over the whole file would be lost after the
    first error, and the rows behind it with it.
    """
    number = 0
    lines = iter(file)
    for raw in lines:
        number += 1
        first = number
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")  # noqa: PLW2901 - the same line without its mark
        if raw.strip() == b"":
            continue
        pieces = [raw]
        while _is_open(pieces) and number - first < LARGEST_RECORD_LINES and sum(map(len, pieces)) < 4 * LARGEST_FIELD:
            following = next(lines, None)
            if following is None:
                break
            number += 1
            pieces.append(following)
        if _is_open(pieces):
            # Only the first line is given up: what follows it may well be sound.
            yield first, [], "A quote is opened and not closed."
            for number, raw in _resumed(pieces[1:], first):
                yield from _parsed(number, raw)
            continue
        yield from _parsed(first, b"".join(pieces))


def _resumed(pieces: list[bytes], first: int) -> Iterator[tuple[int, bytes]]:
    return ((first + offset, raw) for offset, raw in enumerate(pieces, start=1) if raw.strip())


def _is_open(pieces: list[bytes]) -> bool:
    """Whether a quoted field goes on: quotes come in pairs, as a quote within a field is doubled."""
    return sum(piece.count(b'"') for piece in pieces) % 2 == 1


def _parsed(line: int, raw: bytes) -> Iterator[tuple[int, list[str], str | None]]:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        yield line, [], f"Byte {error.start + 1} of the row is not UTF-8."
        return
    try:
        fields = next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        yield line, [], f"The row is not CSV: {error}."
        return
    yield line, fields, None


def _unescaped(field: str) -> str:
    """*field* without the apostrophe that an export puts before what a spreadsheet would run as a formula."""
    return field[1:] if field[:1] == "'" and field[1:2] in {"=", "+", "-", "@", "\t", "\r", "\0", "'"} else field
