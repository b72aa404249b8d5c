"""Detection of files that have another format than expected, with advice for the user."""

import codecs
import re

from lback_cli.errors import ValidationError
from lback_cli.imports.row import BUILT_IN_COLUMNS, IGNORED

_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),  # first, because it begins like UTF-16
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}
_NAMES = frozenset(name.encode() for name in (*BUILT_IN_COLUMNS.names, *IGNORED))
_SEPARATOR_LINE = re.compile(rb'"?sep=(.?)"?\s*', re.IGNORECASE)
_ARRAY = re.compile(rb"\s*\[\s*(?:\{|$)")


def require_utf8(start: bytes) -> None:
    """Refuse a file in UTF-16 or UTF-32, with or without a byte order mark.

    Args:
        start: The first line of the file.

    Raises:
        ValidationError: The file has another encoding.
    """
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if encoding is None and start[:4].count(0) == 3:  # noqa: PLR2004 - of the four bytes of one letter
        encoding = "UTF-32"
    elif encoding is None and start[:2].count(0) == 1:
        encoding = "UTF-16"
    if encoding is not None:
        raise ValidationError("file", f"The file is {encoding}.", hint="Save it as UTF-8.")


def require_commas(header: bytes) -> None:
    """Refuse a file that resembles CSV but is not (RFC 4180): other separators, encodings or line ends.

    Args:
        header: The first line of the file.

    Raises:
        ValidationError: The file has another format.
    """
    require_utf8(header)
    line = header.rstrip(b"\r\n")
    if (separator_line := _SEPARATOR_LINE.fullmatch(line)) is not None:
        commas = "" if separator_line[1] == b"," else ", and save the file with commas"
        raise ValidationError(
            "columns",
            f"The first line, {line.decode('utf-8', 'backslashreplace')}, names no columns.",
            hint=f"Delete it{commas}.",
        )
    if b"\r" in line:
        raise ValidationError(
            "columns", "The lines end with CR alone.", hint="Save the file with the line ends LF or CRLF."
        )
    for separator, name in _SEPARATORS.items():
        columns = [column.strip(b' "').lower() for column in line.split(separator)]
        if b"," not in line and len(columns) > 1 and not _NAMES.isdisjoint(columns):
            raise ValidationError("columns", f"The columns are separated by {name}.", hint="Save the file with commas.")


def require_json_lines(start: bytes) -> None:
    """Refuse a file that is one JSON array instead of JSON Lines.

    Args:
        start: The first line of the file.

    Raises:
        ValidationError: The file has another format.
    """
    require_utf8(start)
    if _ARRAY.match(start):
        raise ValidationError(
            "file",
            "The file is a JSON array.",
            hint="JSON Lines has one object on each line, and nothing around or between them.",
        )
