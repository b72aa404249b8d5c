"""Read lines of text, none of which may fill the memory."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.row import LARGEST_FIELD

LARGEST_LINE = LARGEST_FIELD
"""Bytes of one line; a longer line is refused, and is not held in memory."""


class TextLine(NamedTuple):
    """A line.

    Attributes:
        number: The number of the line.
        text: The text without its line end, or why it cannot be used.
        raw: The bytes of the line, or its beginning if it is too long.
    """

    number: int
    text: str | ValidationError
    raw: bytes


def text_lines(file: BinaryIO) -> Iterator[TextLine]:
    """Yield the lines of *file*; blank lines, comments (``#``) and a byte order mark are skipped."""
    number = 0
    while raw := file.readline(LARGEST_LINE + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        if len(raw) > LARGEST_LINE:
            problem = ValidationError("row", f"The line has more than {LARGEST_LINE} bytes.")
            yield TextLine(number, problem, raw[:LARGEST_LINE])
            while not raw.endswith(b"\n") and (raw := file.readline(LARGEST_LINE)):
                pass
            continue
        try:
            line = raw.decode("utf-8").rstrip("\r\n")
        except UnicodeDecodeError as error:
            yield TextLine(number, ValidationError("row", f"Byte {error.start + 1} of the line is not UTF-8."), raw)
            continue
        if line.strip() and not line.startswith("#"):
            yield TextLine(number, line, raw)
