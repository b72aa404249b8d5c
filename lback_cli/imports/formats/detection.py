"""Detection of files that have another format than expected, with advice for the user."""

import codecs
import re
import unicodedata

from lback_cli.errors import ValidationError

_ARRAY = re.compile(rb"\s*\[\s*(?:\{|$)")
_OPENED_OBJECT = re.compile(rb"\s*\{\s*$")
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # first, because it begins like UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = tuple(bytes([code]) for code in range(32) if chr(code) not in "\t\n\r\f")
_TEXT_PER_CONTROL = 20
"""Bytes of text for each control character in it, at least; random data has one in ten bytes."""

_FEW_CONTROLS = 8
"""Control characters that a short text may have."""

_ZIP = b"PK\x03\x04"
_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BINARIES: tuple[tuple[bytes, str, str], ...] = (
    (_ZIP, "a ZIP archive or a workbook", "Give a workbook the extension .xlsx, or unpack the archive."),
    (_COMPOUND_FILE, "an old or encrypted workbook", "Save it as .xlsx or CSV, without a password."),
    (b"%PDF-", "a PDF document", "Export a table instead."),
    (b"\x1f\x8b", "compressed with gzip", "Unpack it first, or pipe it in: gunzip -c FILE | lback user import - ..."),
    (b"BZh", "compressed with bzip2", "Unpack it first."),
    (b"\xfd7zXZ\0", "compressed with xz", "Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it first."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first."),
    (b"SQLite format 3\0", "a SQLite database", "Export a table of it as CSV."),
    (b"\x89PNG", "a picture", "Export a table instead."),
    (b"\x7fELF", "a program", "Name the file with the users."),
)


def require_text(start: bytes) -> None:
    """Refuse a file that is not text.

    Args:
        start: The first few thousand bytes.

    Raises:
        ValidationError: The file is an archive, a document, or other binary data.
    """
    for magic, kind, hint in _BINARIES:
        if start.startswith(magic):
            raise ValidationError("file", f"The file is {kind}, and no text.", hint=hint)
    controls = sum(start.count(byte) for byte in _CONTROLS)
    if controls >= _FEW_CONTROLS and _is_utf_16_in_utf_8(start):
        raise ValidationError(
            "file",
            "The file looks as if UTF-16 was read as ISO 8859-1.",
            hint="An earlier program did that: export the file again, as UTF-8.",
        )
    if controls >= _FEW_CONTROLS and controls * _TEXT_PER_CONTROL > len(start) and wide_encoding(start) is None:
        raise ValidationError("file", "The file is binary data, and no text.", hint="Export the users as CSV or JSON.")


def _is_utf_16_in_utf_8(start: bytes) -> bool:
    """Return whether a program decoded UTF-16 as ISO 8859-1, and wrote the result as UTF-8."""
    if wide_encoding(start) is not None:
        return False  # all letters are ASCII, so nothing is lost
    try:
        return wide_encoding(codecs.getincrementaldecoder("utf-8")().decode(start).encode("latin-1")) is not None
    except UnicodeError:
        return False


_TEXTS: tuple[tuple[re.Pattern[bytes], str, str], ...] = (
    (re.compile(rb"\s*<"), "XML or HTML", "Export the users as CSV or JSON."),
    (re.compile(rb"BEGIN:V"), "vCards or a calendar", "Export the users as CSV."),
    (
        re.compile(rb"\s*(?:--|/\*|(?:INSERT|CREATE|SET|DROP|BEGIN|PRAGMA|COPY)\b)[^,;\t]*"),
        "SQL",
        "Load it into a database, and export its table of users as CSV.",
    ),
    (
        re.compile(rb"(?:#[^\n]*\n|\s)*(?:---\s|- ?[\w.]+: |\w+:\s*\n\s*- )"),
        "YAML",
        "'lback apply' reads YAML of its own.",
    ),
    (
        re.compile(rb"[^:\n]+:[^:\n]*:\d+:\d+:[^:\n]*:[^:\n]*:[^:\n]*\n"),
        "/etc/passwd",
        "Add --from shadow, with /etc/shadow as the file and this one as --companion.",
    ),
    (re.compile(rb"\|[^\n]*\|\s*\n\|[-:| ]+\|"), "Markdown", "Save the table as CSV."),
)
"""Marks of text that is not a table, what it is, and what to do."""


class NotATableError(ValidationError):
    """The file is text of another kind than a table."""


def require_table(start: bytes) -> None:
    """Refuse text of another kind; it is only asked of a file whose first line names no columns.

    Raises:
        NotATableError: The file is XML, SQL, YAML or the like.
    """
    for mark, kind, hint in _TEXTS:
        if mark.match(start.removeprefix(codecs.BOM_UTF8)):
            raise NotATableError("file", f"The file looks like {kind}, and not like a table.", hint=hint)


def wide_encoding(start: bytes) -> str | None:
    """Return Python's name of the encoding if a file that begins with *start* is UTF-16 or UTF-32."""
    marked = next((name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark)), None)
    if marked is not None:
        return marked
    first = start[:4]
    if first.count(0) == 3:  # noqa: PLR2004 - of the four bytes of one letter
        return "utf-32-le" if first[0] else "utf-32-be"
    # The first letter may be of any alphabet, but separators and line ends are ASCII.
    high, low = start[::2].count(0), start[1::2].count(0)
    if bool(high) == bool(low):
        return None
    encoding = "utf-16-le" if low else "utf-16-be"
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(start)
    except UnicodeError:
        return None
    return encoding if _is_text(text) else None


def _is_text(text: str) -> bool:
    """Return whether *text* has lines or is JSON, and has almost only characters that text has."""
    others = sum(unicodedata.category(character) in {"Cc", "Cn", "Co"} for character in set(text) - set("\t\n\r\f"))
    is_lines = "\n" in text or text.lstrip().startswith(("{", "["))
    return is_lines and others * _TEXT_PER_CONTROL <= len(set(text))


def require_line_ends(header: bytes) -> None:
    """Refuse a table whose lines end with CR alone.

    Args:
        header: The first line of the file.

    Raises:
        ValidationError: They do.
    """
    if b"\r" in header.rstrip(b"\r\n"):
        raise ValidationError(
            "columns", "The lines end with CR alone.", hint="Save the file with the line ends LF or CRLF."
        )


def require_json_lines(start: bytes) -> None:
    """Refuse a file that is one JSON array instead of JSON Lines.

    Args:
        start: The first line of the file.

    Raises:
        ValidationError: The file has another format.
    """
    if _ARRAY.match(start):
        raise ValidationError("file", "The file is a JSON array.", hint="Add --format json.")
    if _OPENED_OBJECT.match(start):
        raise ValidationError("file", "The objects of the file have several lines.", hint="Add --format json.")


def require_workbook(start: bytes) -> None:
    """Refuse a file that is not an .xlsx workbook, or is encrypted.

    Args:
        start: The first bytes of the file.

    Raises:
        ValidationError: The file has another format.
    """
    if start.startswith(_COMPOUND_FILE):
        raise ValidationError(
            "file",
            "The workbook is encrypted, or an old one (.xls).",
            hint="Save it as .xlsx without a password, or as CSV.",
        )
    if not start.startswith(_ZIP):
        raise ValidationError("file", "The file is not a workbook.", hint="Add --format csv if it is a table of text.")
