"""The entries of LDIF (RFC 2849): lines are unfolded, and values decoded."""

import base64
import codecs
from collections.abc import Container, Iterator
from typing import BinaryIO, NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.row import LARGEST_FIELD

_LONGEST_UNREAD = 1024  # bytes that a reject shows of an attribute that is not read, such as a photograph


class Line(NamedTuple):
    """A logical line, unfolded.

    Attributes:
        number: The number of its first physical line.
        raw: The text; cut if *is_cut*.
        is_cut: Whether the line was too long, and its end was dropped.
    """

    number: int
    raw: bytes
    is_cut: bool

    def attribute(self) -> tuple[str, bytes, bytes]:
        """Return the name of the attribute in lower case without options, the colon, and what follows it."""
        description, colon, rest = self.raw.partition(b":")
        return description.partition(b";")[0].strip().lower().decode("ascii", "replace"), colon, rest


class Entry:
    """An entry.

    Attributes:
        number: The number of its first line.
        values: The values of the wanted attributes by lower-case name, without options.
        names: The names of all attributes.
        error: The first error among them.
        raw: The text, unfolded, so far as a reject shows it.
    """

    def __init__(self, number: int, wanted: Container[str]) -> None:
        self.number = number
        self._wanted = wanted
        self.values: dict[str, list[str]] = {}
        self.names: set[str] = set()
        self.error: ValidationError | None = None
        self.raw = bytearray()

    def first(self, name: str) -> str | None:
        """Return the first value of an attribute."""
        return next(iter(self.values.get(name, ())), None)

    @property
    def classes(self) -> set[str]:
        """The object classes in lower case."""
        return set(map(str.lower, self.values.get("objectclass", ())))

    def add(self, line: Line) -> None:
        """Add the attribute on *line*."""
        name, colon, rest = line.attribute()
        self.names.add(name)
        if not colon:
            self._fail(line, "is not an attribute: it has no colon")
        elif name in self._wanted:
            try:
                self.values.setdefault(name, []).append(value_of(line, rest))
            except ValueError as error:
                self._fail(line, f"has a value that cannot be used: {error}")
        kept = line.raw if name in self._wanted and not line.is_cut else line.raw[:_LONGEST_UNREAD]
        if len(self.raw) + len(kept) < LARGEST_FIELD:
            self.raw += kept + b"\n"

    def _fail(self, line: Line, problem: str) -> None:
        self.error = self.error or ValidationError("row", f"Line {line.number} {problem}.")


def ldif_entries(file: BinaryIO, wanted: Container[str]) -> Iterator[Entry]:
    """Yield the entries with their *wanted* attributes; blank lines separate them, and the version is not an entry."""
    entry: Entry | None = None
    for line in ldif_lines(file):
        if not line.raw:
            if entry is not None:
                yield entry
            entry = None
        elif not line.raw.startswith(b"#") and not (entry is None and line.raw.lower().startswith(b"version:")):
            entry = entry or Entry(line.number, wanted)
            entry.add(line)
    if entry is not None:
        yield entry


def ldif_lines(file: BinaryIO) -> Iterator[Line]:
    """Yield the logical lines: a line that begins with a space continues the one before. A blank line is empty."""
    number, first, size = 0, 0, 0
    pieces: list[bytes] = []
    at_line_start = True
    while raw := file.readline(LARGEST_FIELD):
        number += at_line_start
        starts_line, at_line_start = at_line_start, raw.endswith(b"\n")
        if number == 1 and starts_line:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        text = raw.rstrip(b"\r\n") if at_line_start else raw
        if starts_line and not (text.startswith(b" ") and pieces):
            if pieces:
                yield Line(first, b"".join(pieces), size > LARGEST_FIELD)
            first, pieces, size = number, [], 0
            if not text.strip():
                yield Line(number, b"", is_cut=False)
                continue
        elif starts_line:
            text = text[1:]
        size += len(text)
        if size <= LARGEST_FIELD or not pieces:
            pieces.append(text)
    if pieces:
        yield Line(first, b"".join(pieces), size > LARGEST_FIELD)


def value_of(line: Line, rest: bytes) -> str:
    """Return the value after the first colon.

    Raises:
        ValueError: It cannot be used; the message says why.
    """
    if line.is_cut:
        raise ValueError(f"it has more than {LARGEST_FIELD} bytes")
    if rest.startswith(b"<"):
        raise ValueError("it is in another file, which is not read")
    if rest.startswith(b":"):
        try:
            value = base64.b64decode(rest[1:].strip(), validate=True)
        except ValueError:
            raise ValueError("it is not base64") from None
    else:
        value = rest.lstrip(b" ")
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
