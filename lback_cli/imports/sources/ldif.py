"""Read users from LDIF (RFC 2849): entries with a uid, as slapcat and ldapsearch write them."""

import base64
import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.row import LARGEST_FIELD, Row, broken_row
from lback_cli.imports.sources.common import account_row

_WANTED = frozenset(
    {"dn", "changetype", "objectclass", "uid", "mail", "userpassword", "pwdaccountlockedtime", "nsaccountlock"}
)
_PERSON = "inetorgperson"
_PLAIN = re.compile(r"\{(?:CLEARTEXT|CLEAR|PLAIN)\}(.*)", re.IGNORECASE | re.DOTALL)
_LOCKED_CRYPT = re.compile(r"(\{CRYPT\})!+(.*)", re.IGNORECASE | re.DOTALL)
_LONGEST_UNREAD = 1024  # bytes that a reject shows of an attribute that is not read, such as a photograph
_FOREVER = "000001010000Z"  # pwdAccountLockedTime of an account that an administrator locked


class _Line(NamedTuple):
    """A logical line, unfolded, with the number of its first one; *long* is set when its end was dropped."""

    number: int
    raw: bytes
    long: bool


class _Entry:
    """The wanted attributes of an entry, by lower-case name without options, and the first *error* among them.

    *raw* is its text, unfolded, as far as a reject shows it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.values: dict[str, list[str]] = {}
        self.error: ValidationError | None = None
        self.raw = bytearray()

    def first(self, name: str) -> str | None:
        return next(iter(self.values.get(name, ())), None)

    def add(self, line: _Line) -> None:
        description, colon, rest = line.raw.partition(b":")
        name = description.partition(b";")[0].strip().lower().decode("ascii", "replace")
        if not colon:
            self._fail(line, "is no attribute: it has no colon")
        elif name in _WANTED:
            try:
                self.values.setdefault(name, []).append(_value(line, rest))
            except ValueError as error:
                self._fail(line, f"has a value that is of no use: {error}")
        kept = line.raw if name in _WANTED and not line.long else line.raw[:_LONGEST_UNREAD]
        if len(self.raw) + len(kept) < LARGEST_FIELD:
            self.raw += kept + b"\n"

    def _fail(self, line: _Line, problem: str) -> None:
        self.error = self.error or ValidationError("row", f"Line {line.number} {problem}.")


def read(file: BinaryIO, *, email_domain: str | None = None) -> Iterator[Row]:
    """The rows of *file*, numbered by the line of their ``dn``. Entries that are nobody's are passed over.

    Of several values the first counts. A password that is not hashed is taken as it is, and so has to meet the policy.
    A value that is in another file (``:<``) is not fetched.
    """
    for entry in _entries(file):
        if entry.error is None and "dn" not in entry.values:
            entry.error = ValidationError("row", "The entry has no dn.")
        changetype = entry.first("changetype")
        if changetype not in {None, "add"}:
            entry.error = ValidationError("row", f"The record is a change ({str(changetype)[:20]!r}), not an entry.")
        if entry.error is not None:
            yield broken_row(entry.number, entry.error, raw=bytes(entry.raw))
        elif "uid" in entry.values or _PERSON in map(str.lower, entry.values.get("objectclass", ())):
            yield _row(entry, email_domain)


def _row(entry: _Entry, email_domain: str | None) -> Row:
    stored = entry.first("userpassword")
    password, locked = None, False
    if stored is not None and (match := _LOCKED_CRYPT.fullmatch(stored)):
        stored, locked = (match[1] + match[2] if match[2] else None), True
    if stored is not None and (match := _PLAIN.fullmatch(stored)):
        stored, password = None, match[1]
    elif stored is not None and not stored.startswith("{"):
        stored, password = None, stored
    locked |= entry.first("pwdaccountlockedtime") == _FOREVER
    locked |= (entry.first("nsaccountlock") or "").lower() == "true"
    return account_row(
        entry.number,
        email_domain,
        username=entry.first("uid"),
        email=entry.first("mail"),
        password=password,
        password_hash=stored,
        is_active=False if locked else None,
    )


def _entries(file: BinaryIO) -> Iterator[_Entry]:
    """The entries, parted by blank lines; the line that says the version is none."""
    entry: _Entry | None = None
    for line in _lines(file):
        if not line.raw:
            if entry is not None:
                yield entry
            entry = None
        elif not line.raw.startswith(b"#") and not (entry is None and line.raw.lower().startswith(b"version:")):
            entry = entry or _Entry(line.number)
            entry.add(line)
    if entry is not None:
        yield entry


def _lines(file: BinaryIO) -> Iterator[_Line]:
    """The logical lines: one that begins with a space goes on with the one before. A blank one is empty."""
    number, first, size = 0, 0, 0
    pieces: list[bytes] = []
    new = True
    while raw := file.readline(LARGEST_FIELD):
        number += new
        starts, new = new, raw.endswith(b"\n")
        if number == 1 and starts:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        text = raw.rstrip(b"\r\n") if new else raw
        if starts and not (text.startswith(b" ") and pieces):
            if pieces:
                yield _Line(first, b"".join(pieces), size > LARGEST_FIELD)
            first, pieces, size = number, [], 0
            if not text.strip():
                yield _Line(number, b"", long=False)
                continue
        elif starts:
            text = text[1:]
        size += len(text)
        if size <= LARGEST_FIELD or not pieces:
            pieces.append(text)
    if pieces:
        yield _Line(first, b"".join(pieces), size > LARGEST_FIELD)


def _value(line: _Line, rest: bytes) -> str:
    """The value behind the first colon. Raises ValueError with the reason."""
    if line.long:
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
