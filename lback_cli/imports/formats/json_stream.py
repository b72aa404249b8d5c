"""Read a JSON document record by record, so that a list of a million records is never held as a whole.

docs/decisions/0014-json-stream.md says why this is not a library.
"""

import codecs
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.strict_json import JsonError, StrictDecoder
from lback_cli.imports.row import LARGEST_FIELD, ImportRow, broken_row
from lback_cli.text.escaping import safe

LONGEST_VALUE = 16 * LARGEST_FIELD
"""Characters of the longest value. A longer record is passed over, so that it does not fill the memory."""

_LONGEST_SHOWN = 1024
"""Characters that a reject shows of a record that is not JSON. The end of such a record is unknown."""

_CHUNK = 64 * 1024
_LONGEST_TOKEN = len(r"\ud83d\ude00")
"""Characters of the longest token that is not a string. Until a token is read to its end, decoding it is an error."""

_UNCLOSED = "Unterminated string"
"""How Python's message begins if a string has no end yet. The position in that error is where the string begins."""

_BLANK = re.compile(r"[ \t\r\n]*")
_FIRST_KEY = re.compile(r'\{[ \t\r\n]*"([^"\\]*)"')
_LOOKAHEAD = 1024
"""Characters among which the first key is looked for."""

_KEY = re.compile(r'[ \t\r\n]*[{,][ \t\r\n]*"([^"\\]*)"[ \t\r\n]*:[ \t\r\n]*')
_LIST_OF_OBJECTS = re.compile(r"\[[ \t\r\n]*\{")
_LISTS = frozenset(
    {"users", "resources", "value", "values", "members", "people", "persons", "employees", "data", "items"}
)
_LISTS |= {"results", "records", "rows", "entries", "operations"}
"""Names of lists of users, in lower case."""

KEY = "(key)"
"""The name under which a record has its own key in an object of records."""

_LONGEST_NAME = 40

_MARK = re.compile(r'\\.|["{}\[\]\n]', re.DOTALL)
"""What shows where a value ends. A string has no line end."""

_DEPTHS = {"{": 1, "[": 1, "}": -1, "]": -1}

_UNDECODED = re.compile("[\udc80-\udcff]")
_LINE_START = re.compile(r"\n(?=\{)")


class Record(NamedTuple):
    """A value of the document.

    Attributes:
        line: The number of its first line.
        data: The value.
        error: Why the value cannot be used, or None.
        number: Its number among the records, from 1; 0 if it is not one of the records.
        raw: The text of a value that cannot be used, as far as it is known.
    """

    line: int
    data: Any
    error: ValidationError | None = None
    number: int = 0
    raw: str | None = None

    def unreadable(self, problem: str) -> ImportRow:
        """Return the row of a record that cannot be used, with its error or else *problem*, the end of a sentence."""
        error = self.error or ValidationError("row", f"Record {self.number} {problem}.")
        if self.raw is not None:
            raw = self.raw.encode("utf-8", "surrogateescape")
        else:
            # A lone surrogate, which only an escape can produce, is written as that escape.
            raw = json.dumps(self.data, ensure_ascii=False).encode("utf-8", "backslashreplace")
        return self.located(broken_row(self.line, error, raw=raw))

    def located(self, row: ImportRow) -> ImportRow:
        """Return *row*, which was made from this record, with the number of the record."""
        row.record = self.number or None
        return row


def json_records(file: BinaryIO) -> Iterator[Record]:
    """Yield the records of *file*: the items of a list, or JSON Lines.

    In JSON Lines, reading continues after a record that is not JSON, with the next line that begins with a brace. In a
    list the end of such a record is unknown, so it is the last, and its error says so.
    """
    stream = JsonStream(file)
    return stream.document() if stream.peek() == "[" else stream.lines()


class JsonStream:
    """A JSON document in UTF-8, with or without a byte order mark.

    Every method raises `ValidationError` if the document is not JSON.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("surrogateescape")
        self._json = StrictDecoder()
        self._text = ""
        self._at = 0
        self._ended = False
        self._line, self._counted = 1, 0
        self._number = 0
        self._lost: tuple[int, str] | None = None

    @property
    def line(self) -> int:
        """The number of the line that is read next."""
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def peek(self) -> str:
        """Return the next character that is not blank, or an empty text at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._fill():
                return ""

    def first_key(self) -> str | None:
        """Return the first key of the next value, if that is an object. The value is still the next one to read."""
        match = self._match(_FIRST_KEY)
        return match[1] if match else None

    def record(self) -> Record:
        """Read the next value, a record. One of more than `LONGEST_VALUE` characters is passed over, with an error."""
        return self.value(passes_long=True)

    def value(self, *, longest: int = LONGEST_VALUE, passes_long: bool = False) -> Record:
        """Read the next value, of at most *longest* characters; *passes_long* passes over a longer one."""
        self.peek()
        while True:
            try:
                data, end, problem = self._json.decode_at(self._text, self._at)
            except JsonError as error:
                raise self._broken(f"it {error}") from None
            except json.JSONDecodeError as error:
                cut_off = error.msg.startswith(_UNCLOSED) or len(self._text) - error.pos <= _LONGEST_TOKEN
                if cut_off and len(self._text) - self._at > longest and passes_long:
                    return self._passed(longest)
                if cut_off and len(self._text) - self._at > longest:
                    raise self._broken(f"a part of it has more than {longest} characters, or no end") from None
                if not cut_off or not self._fill():
                    raise self._broken(error.msg.lower()) from None
            else:
                # A number may continue with more digits.
                if end < len(self._text) or not self._fill():
                    break
        return self._taken(data, end, problem, longest if passes_long else None)

    def _taken(self, data: Any, end: int, problem: str | None, longest: int | None) -> Record:
        """Return the record of *data*, whose text ends at *end*."""
        line, raw = self.line, self._text[self._at : end]
        self._at = end
        if longest is not None and len(raw) > longest:
            return self._too_long(line, raw[:_LONGEST_SHOWN], longest)
        if not raw.isascii() and _UNDECODED.search(raw):
            problem = "is not UTF-8"
        unclear = ValidationError("row", f"Record {self._number} {problem}.") if problem else None
        return Record(line, data, unclear, self._number, raw if problem else None)

    def broken(self, error: ValidationError) -> Record:
        """Return the record that cannot be read because of *error*, which another method raised."""
        line, shown = self._lost or (self.line, self._text[self._at : self._at + _LONGEST_SHOWN])
        self._lost = None
        following = _LINE_START.search(shown)
        return Record(line, None, error, self._number, shown[: following.start()] if following else shown)

    def items(self) -> Iterator[Record]:
        """Yield the items of the next value, a list, numbered from 1."""
        self._number = 0
        self._expect("[")
        if self.peek() == "]":
            self._expect("]")
            return
        while True:
            self._number += 1
            yield self.record()
            if self._expect(",]") == "]":
                self._number = 0
                return

    def members(self) -> Iterator[str]:
        """Yield the keys of the next value, an object; the caller reads each value before the next key."""
        self._expect("{")
        if self.peek() == "}":
            self._expect("}")
            return
        while True:
            key = self.value()
            if not isinstance(key.data, str):
                raise self._broken("a key is not text")
            self._expect(":")
            yield key.data
            if self._expect(",}") == "}":
                return

    def document(self) -> Iterator[Record]:
        """Yield the items of the document, a list. If the document is not JSON, the last record has the error."""
        try:
            yield from self.items()
            self.require_end()
        except ValidationError as error:
            yield self.broken(error)

    def key_of_list(self, is_of_record: Callable[[str], bool]) -> str | None:
        """Return the key of a list of records in the next value, if that is an object; nothing is read past.

        It is the first key if its value is a list of objects, or else the first such key with a usual name. An object
        with an earlier key that *is_of_record* is a record itself.
        """
        self._match(_BLANK)
        at, is_first = self._at, True
        while (found := _KEY.match(self._text, at)) is not None:
            key, at = found[1], found.end()
            if (is_first or key.lower() in _LISTS) and _LIST_OF_OBJECTS.match(self._text, at):
                return key
            try:
                _, at, problem = self._json.decode_at(self._text, at)
            except (JsonError, json.JSONDecodeError):
                return None
            if problem or is_of_record(key):
                return None
            is_first = False
        return None

    def is_keyed(self, is_of_record: Callable[[str], bool]) -> bool:
        """Return whether the next value is an object whose values are records; nothing is read past.

        That is so if the first two values are objects with a key that *is_of_record*. Of a single value that is not
        certain: it may be a part of one record.
        """
        self._match(_BLANK)
        at = self._at
        for _ in range(2):
            if (found := _KEY.match(self._text, at)) is None:
                return False
            try:
                value, at, _ = self._json.decode_at(self._text, found.end())
            except (JsonError, json.JSONDecodeError):
                return False
            if not isinstance(value, dict) or not any(map(is_of_record, value)):
                return False
        return True

    def keyed(self) -> Iterator[Record]:
        """Yield the values of the document, an object; each that is an object gets its key under `KEY`."""
        try:
            for number, key in enumerate(self.members(), 1):
                self._number = number
                record = self.record()
                yield record._replace(data={KEY: key, **record.data}) if isinstance(record.data, dict) else record
                self._number = 0
            self.require_end()
        except ValidationError as error:
            yield self.broken(error)

    def list_of(self, key: str, passed: Counter[str]) -> Iterator[Record]:
        """Yield the items of the list under *key* of the document; *passed* counts the objects of other lists."""
        was_read = False
        try:
            for name in self.members():
                if name == key and not was_read:
                    was_read = True
                    yield from self.items()
                    continue
                other = self.value().data
                if isinstance(other, list) and other and isinstance(other[0], dict):
                    passed[f"objects under '{safe(name, limit=_LONGEST_NAME)}'"] += len(other)
            self.require_end()
        except ValidationError as error:
            yield self.broken(error)

    def lines(self) -> Iterator[Record]:
        """Yield the values of the file, one after another. A value that is not JSON is a record with an error."""
        return self.each(self.numbered)

    def each(self, read: Callable[[], Iterator[Record]]) -> Iterator[Record]:
        """Yield the records that *read* makes of each value of the file.

        If *read* raises `ValidationError`, the record has that error, and reading continues with the next line that
        begins with a brace.
        """
        while self.peek():
            try:
                yield from read()
            except ValidationError as error:
                yield self.broken(error)
                self._skip_to_next_line()

    def numbered(self) -> Iterator[Record]:
        """Yield the next value as a record with the next number."""
        self._number += 1
        yield self.record()

    def require_end(self) -> None:
        """Refuse a document that continues after its end."""
        if self.peek():
            raise self._broken("there is more after its end")

    def _passed(self, longest: int) -> Record:
        """Return a record with an error for the next value, which is longer than *longest*."""
        line, shown = self.line, self._text[self._at : self._at + _LONGEST_SHOWN]
        if not self._pass_value():
            self._lost = line, shown
            raise self._broken(f"a part of it has more than {longest} characters, or no end")
        return self._too_long(line, shown, longest)

    def _too_long(self, line: int, shown: str, longest: int) -> Record:
        error = ValidationError("row", f"Record {self._number} has more than {longest} characters.")
        return Record(line, None, error, self._number, shown)

    def _pass_value(self) -> bool:
        """Pass over the next value without decoding it; return False if it has no end."""
        depth, is_quoted = 0, False
        while True:
            end = self._at
            for mark in _MARK.finditer(self._text, self._at):
                if is_quoted and mark[0] == "\n":
                    self._at = mark.start()
                    return False
                end = mark.end()
                if mark[0] == '"':
                    is_quoted = not is_quoted
                elif not is_quoted:
                    depth += _DEPTHS.get(mark[0], 0)
                if not is_quoted and depth <= 0:
                    self._at = end
                    return True
            # A backslash at the end belongs to the character after it.
            self._at = len(self._text) - (end < len(self._text) and self._text.endswith("\\"))
            if not self._fill():
                return False

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.peek()
        while len(self._text) - self._at < _LOOKAHEAD and self._fill():
            pass
        return pattern.match(self._text, self._at)

    def _skip_to_next_line(self) -> None:
        while (found := _LINE_START.search(self._text, self._at)) is None:
            # The last character is kept, because it may be the line end.
            self._at = max(self._at, len(self._text) - 1)
            if not self._fill():
                self._at = len(self._text)
                return
        self._at = found.end()

    def _expect(self, characters: str) -> str:
        found = self.peek()
        if not found or found not in characters:
            what = f"{safe(found)!r}" if found else "the end of the file"
            raise self._broken(f"{what} instead of {' or '.join(map(repr, characters))}")
        self._at += 1
        return found

    def _fill(self) -> bool:
        """Read at least as much again as is unread; return False at the end of the file."""
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
            hint="The rest of that record, and of a list the records after it, were not read.",
        )
