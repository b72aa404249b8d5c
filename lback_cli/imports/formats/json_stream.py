"""Read a JSON document piece by piece, so that a list of a million records is never held as a whole."""

import codecs
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.strict_json import JsonError, StrictDecoder
from lback_cli.imports.row import LARGEST_FIELD, Row, broken_row
from lback_cli.text.escaping import safe

LONGEST_VALUE = 16 * LARGEST_FIELD
"""Characters of one value; a longer one ends the reading, and is not held in memory."""

_LONGEST_SHOWN = 1024
"""Characters that a reject shows of a record that is no JSON: where it ends, nobody knows."""

_CHUNK = 64 * 1024
_LONGEST_TOKEN = len(r"\ud83d\ude00")
"""Characters of the longest token that is an error before its end is read; strings are told apart otherwise."""

_UNCLOSED = "Unterminated string"
"""What Python calls a string that is open at the end, at the place where it begins."""

_BLANK = re.compile(r"[ \t\r\n]*")
_FIRST_KEY = re.compile(r'\{[ \t\r\n]*"([^"\\]*)"')
_LOOKAHEAD = 1024
"""Characters among which a first key is looked for."""

_UNDECODED = re.compile("[\udc80-\udcff]")
_LINE_START = re.compile(r"\n(?=\{)")


class Record(NamedTuple):
    """A value of the document with the number of the *line* it begins on, and its own *number* among the records.

    *error* says why its *data* is of no use; *raw* is its text then, as far as it is known.
    """

    line: int
    data: Any
    error: ValidationError | None = None
    number: int = 0
    raw: str | None = None

    def unreadable(self, problem: str) -> Row:
        """The row of a record that is of no use: for its *error*, or for *problem*, the end of a sentence on it."""
        error = self.error or ValidationError("row", f"Record {self.number} {problem}.")
        if self.raw is not None:
            raw = self.raw.encode("utf-8", "surrogateescape")
        else:
            # Half a surrogate pair, which only an escape can bring in, is written as that escape.
            raw = json.dumps(self.data, ensure_ascii=False).encode("utf-8", "backslashreplace")
        return self.located(broken_row(self.line, error, raw=raw))

    def located(self, row: Row) -> Row:
        """*row*, which was made of this record, with its number."""
        row.record = self.number or None
        return row


def json_records(file: BinaryIO) -> Iterator[Record]:
    """The records of *file*: the items of a list, or JSON Lines.

    In JSON Lines, a record that is not JSON is passed over to the next line that begins with a brace. In a list,
    nothing behind it can be told apart, so it is the last, and says so.
    """
    stream = JsonStream(file)
    return stream.document() if stream.peek() == "[" else stream.lines()


class JsonStream:
    """A JSON document in *file*, UTF-8 with or without a byte order mark. What is no JSON raises `ValidationError`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._json = StrictDecoder()
        self._text = ""
        self._at = 0
        self._ended = False
        self._line, self._counted = 1, 0
        self._number = 0

    @property
    def line(self) -> int:
        """The number of the line that is read next."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """The next character that is not blank; none at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def first_key(self) -> str | None:
        """The first key of the object that comes next, if it is one; nothing is passed over."""
        self.peek()
        while len(self._text) - self._at < _LOOKAHEAD and self._fill():
            pass
        match = _FIRST_KEY.match(self._text, self._at)
        return match[1] if match else None

    def value(self, *, longest: int = LONGEST_VALUE) -> Record:
        """The next value, of at most so many characters."""
        self.peek()
        while True:
            try:
                data, end, problem = self._json.decode_at(self._text, self._at)
            except JsonError as error:
                raise self._broken(f"it {error}") from None
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith(_UNCLOSED) or len(self._text) - error.pos <= _LONGEST_TOKEN
                if cut_off and len(self._text) - self._at > longest:
                    raise self._broken(f"a part of it has more than {longest} characters, or no end") from None
                if not cut_off or not self._fill():
                    raise self._broken(error.msg.lower()) from None
            else:
                # A number goes on for as long as there are digits.
                if end < len(self._text) or not self._fill():
                    break
        line, raw = self.line, self._text[self._at : end]
        self._at = end
        if not raw.isascii() and _UNDECODED.search(raw):
            problem = "is not UTF-8"
        unclear = ValidationError("row", f"Record {self._number} {problem}.") if problem else None
        return Record(line, data, unclear, self._number, raw if problem else None)

    def broken(self, error: ValidationError) -> Record:
        """The record that cannot be read for *error*, which one of these functions raised."""
        shown = self._text[self._at : self._at + _LONGEST_SHOWN]
        following = _LINE_START.search(shown)
        return Record(self.line, None, error, self._number, shown[: following.start()] if following else shown)

    def items(self) -> Iterator[Record]:
        """The items of the list that comes next, numbered from one."""
        self._number = 0
        self._expect("[")
        if self.peek() == "]":
            self._expect("]")
            return
        while True:
            self._number += 1
            yield self.value()
            if self._expect(",]") == "]":
                self._number = 0
                return

    def members(self) -> Iterator[str]:
        """The keys of the object that comes next; the caller reads each value before going on."""
        self._expect("{")
        if self.peek() == "}":
            self._expect("}")
            return
        while True:
            key = self.value()
            if not isinstance(key.data, str):
                raise self._broken("a key is no text")
            self._expect(":")
            yield key.data
            if self._expect(",}") == "}":
                return

    def document(self) -> Iterator[Record]:
        """The items of the list that the document is; where it is no JSON, a last record with that error."""
        try:
            yield from self.items()
            self.require_end()
        except ValidationError as error:
            yield self.broken(error)

    def lines(self) -> Iterator[Record]:
        """The values of the file, one after another; for one that is no JSON, a record with that error."""
        return self.each(self.numbered)

    def each(self, read: Callable[[], Iterator[Record]]) -> Iterator[Record]:
        """What *read* makes of each value of the file.

        Where that raises `ValidationError`, a record with the error; the next is on a line that begins with a brace.
        """
        while self.peek():
            try:
                yield from read()
            except ValidationError as error:
                yield self.broken(error)
                self._skip_to_next_line()

    def numbered(self) -> Iterator[Record]:
        """The next value as a record with the next number."""
        self._number += 1
        yield self.value()

    def require_end(self) -> None:
        """Raise `ValidationError` when the document goes on."""
        if self.peek():
            raise self._broken("there is more behind its end")

    def _skip_to_next_line(self) -> None:
        while (found := _LINE_START.search(self._text, self._at)) is None:
            # The last character is kept: it may be the line end.
            self._at = max(self._at, len(self._text) - 1)
            if not self._fill():
                self._at = len(self._text)
                return
        self._at = found.end()

    def _expect(self, characters: str) -> str:
        found = self.peek()
        if not found or found not in characters:
            what = f"{safe(found)!r}" if found else "its end"
            raise self._broken(f"{what} comes where {' or '.join(map(repr, characters))} is expected")
        self._at += 1
        return found

    def _fill(self) -> bool:
        """Read on, as much again as there is unread; whether there was anything."""
        if self._ended:
            return False
        raw = self._file.read(max(_CHUNK, len(self._text) - self._at))
        self._ended = not raw
        more = self._decoder.decode(raw, final=self._ended)
        self._line, self._counted = self.line, 0
        self._text = self._text[self._at :] + more
        self._at = 0
        return bool(raw or more)

    def _broken(self, reason: str) -> ValidationError:
        where = f" at record {self._number}" if self._number else ""
        return ValidationError(
            "file",
            f"The file is not JSON{where}: {reason}.",
            hint="What follows in that record, and in a list behind it, was not read.",
        )
