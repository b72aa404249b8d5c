"""How a table is written as text: what separates its columns, its encoding, and lines before the names of columns."""

import codecs
import io
import re
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO, NamedTuple

from lback_cli.errors import UsageError, ValidationError

UTF_8 = "utf-8"

DELIMITER_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons"}
_DELIMITER_WORDS = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "bar": "|", "pipe": "|", "colon": ":"}

_UNDECODABLE = "lback-undecodable"
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        delimiter: What separates the columns, one ASCII character.
        encoding: Python's name of the encoding.
        skip_lines: How many lines come before the names of the columns.
    """

    delimiter: str = ","
    encoding: str = UTF_8
    skip_lines: int = 0


RFC_4180 = Dialect()
"""CSV in UTF-8, with commas."""


class Patterns(NamedTuple):
    """Patterns for the records of RFC 4180, section 2, with one delimiter.

    Attributes:
        closed: A whole record.
        opened: The first line of a record whose last field continues on the next line.
        records_on_one_line: Records without line breaks in quotes.
    """

    closed: re.Pattern[bytes]
    opened: re.Pattern[bytes]
    records_on_one_line: re.Pattern[bytes]


@cache
def patterns(delimiter: str) -> Patterns:
    """Return the patterns for *delimiter*."""
    separator = re.escape(delimiter).encode()
    field = rb'(?:"(?:[^"]++|"")*+"|[^"%b\r\n]*+)' % separator
    on_one_line = rb'(?:"(?:[^"\r\n]++|"")*+"|[^"%b\r\n]*+)' % separator
    return Patterns(
        re.compile(rb"(?:%b%b)*+%b(?:\r?\n)?" % (field, separator, field)),
        re.compile(rb'(?:%b%b)*+"(?:[^"]++|"")*+' % (field, separator)),
        re.compile(rb"(?:(?:%b%b)*+%b\r?\n)*+(?:(?:%b%b)*+%b)?" % ((on_one_line, separator, on_one_line) * 2)),
    )


def parse_delimiter(text: str) -> str:
    """Return the character that *text*, the value of ``--delimiter``, means.

    Raises:
        UsageError: It is not one character of ASCII that can separate columns.
    """
    delimiter = _DELIMITER_WORDS.get(text.lower(), text)
    if len(delimiter) != 1 or not delimiter.isascii() or delimiter.isalnum() or delimiter in '"\r\n\0\\':
        raise UsageError(
            f"--delimiter: {text[:20]!r} cannot separate columns.",
            hint="Give one character, such as ';', or one of the words tab, comma, semicolon and bar.",
        )
    return delimiter


def parse_encoding(text: str) -> str:
    """Return Python's name of the encoding *text*, the value of ``--encoding``.

    Raises:
        UsageError: There is no such encoding of text.
    """
    try:
        found = codecs.lookup(text)
        b"".decode(found.name)
    except (LookupError, UnicodeError, ValueError):
        found = None
    if found is None or found.incrementaldecoder is None:
        raise UsageError(
            f"--encoding: {text[:40]!r} is unknown.", hint="Give one such as cp1252, iso8859-15, utf-16 or shift_jis."
        )
    return found.name


def in_utf8(file: BinaryIO, encoding: str) -> BinaryIO:
    """Return *file*, which has that *encoding*, as a file in UTF-8.

    Text that cannot be decoded becomes a byte that is not UTF-8, so that only its row is refused.
    """
    if encoding == UTF_8:
        return file
    return io.BufferedReader(_Transcoder(file, encoding))


def without_mark(raw: bytes) -> bytes:
    """Return *raw*, the beginning of a text in UTF-8, without a byte order mark; two programs may have written one."""
    while raw.startswith(codecs.BOM_UTF8):
        raw = raw[len(codecs.BOM_UTF8) :]
    return raw


def not_in_encoding(error: UnicodeDecodeError, what: str, encoding: str) -> str:
    """Return the problem of a text, a *what*, that was read with *encoding* and has raised *error*."""
    if encoding == UTF_8:
        return f"Byte {error.start + 1} of the {what} is not UTF-8."
    return f"The {what} has a byte that is not {encoding}."


class _Transcoder(io.RawIOBase):
    """Reads a file in another encoding as UTF-8."""

    def __init__(self, file: BinaryIO, encoding: str) -> None:
        codecs.register_error(_UNDECODABLE, _replaced)
        self._file = file
        self._encoding = encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(_UNDECODABLE)
        self._waiting = b""
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed wants any buffer
        while not self._waiting and not self._ended:
            raw = self._file.read(_CHUNK)
            self._ended = not raw
            try:
                text = self._decoder.decode(raw, self._ended)
            except UnicodeError as error:
                # A stream of UTF-16 or UTF-32 needs a byte order mark.
                raise ValidationError("file", f"The file is not {self._encoding}: {error}.") from error
            self._waiting = text.encode("utf-8", "surrogatepass")
        size = min(len(buffer), len(self._waiting))
        buffer[:size], self._waiting = self._waiting[:size], self._waiting[size:]
        return size


def _replaced(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    # The strict decoder of UTF-8 refuses a lone surrogate.
    return "\udc80", error.end
