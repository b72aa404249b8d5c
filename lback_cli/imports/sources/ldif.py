"""Read LDIF (RFC 2849): people, as slapcat, ldapsearch and tools of Active Directory write them."""

import base64
import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.row import LARGEST_FIELD, ImportRow, broken_row
from lback_cli.imports.sources import active_directory
from lback_cli.imports.sources.base import SourceFormat

_WANTED = frozenset(
    {"dn", "changetype", "objectclass", "uid", "mail", "userpassword", "pwdaccountlockedtime", "nsaccountlock"}
    | {"search", "result", "ref"}
    | active_directory.WANTED
)
_PERSON = "inetorgperson"
_END_OF_SEARCH = frozenset({"search", "result", "control"})
_PLAIN = re.compile(r"\{(?:CLEARTEXT|CLEAR|PLAIN)\}(.*)", re.IGNORECASE | re.DOTALL)
_LOCKED_CRYPT = re.compile(r"(\{CRYPT\})!+(.*)", re.IGNORECASE | re.DOTALL)
_LONGEST_UNREAD = 1024  # bytes that a reject shows of an attribute that is not read, such as a photograph
_FIRST_LINE = re.compile(rb"(?:\s+|#[^\n]*\n)*(?:dn::?\s|version:\s*1\s)", re.IGNORECASE)
_COMPLETE = frozenset({"0 Success", "0"})
"""What ``ldapsearch`` writes after the entries of a search that returned all of them."""

_FOREVER = "000001010000Z"  # pwdAccountLockedTime of an account that an administrator locked


class Ldif(SourceFormat):
    """Entries with a ``uid``, of the class ``inetOrgPerson``, or users of Active Directory; others are left out.

    The first of several values is used. A password that is not hashed is imported as a plain password, so it has to
    meet the policy. A value in another file (``:<``) is not read.
    """

    name = "ldif"
    description = "LDAP and Active Directory: slapcat, ldapsearch, ldifde, or any other LDIF"
    extension = ".ldif"

    @classmethod
    def recognises(cls, start: bytes) -> bool:
        """Return whether the first line that is not a comment begins an entry, or gives the version of LDIF."""
        return _FIRST_LINE.match(start) is not None

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each person, with the number of the line of its ``dn``."""
        for entry in _entries(file):
            if entry.error is None and "dn" not in entry.values:
                if entry.names <= _END_OF_SEARCH and entry.first("result") in _COMPLETE:
                    continue
                entry.error = _no_dn(entry)
                if entry.names == {"ref"}:
                    self.left_out["references to other servers"] += 1
                    continue
            changetype = entry.first("changetype")
            if changetype not in {None, "add"}:
                entry.error = ValidationError(
                    "row", f"The record is a change ({str(changetype)[:20]!r}), not an entry."
                )
            if entry.error is not None:
                yield broken_row(entry.number, entry.error, raw=bytes(entry.raw))
                continue
            classes = set(map(str.lower, entry.values.get("objectclass", ())))
            if active_directory.is_machine(entry.values, classes):
                self.left_out["accounts of machines"] += 1
            elif "uid" in entry.values or _PERSON in classes or active_directory.is_user(classes):
                yield self._row(entry)
            else:
                self.left_out["entries that are not people"] += 1

    def _row(self, entry: "_Entry") -> ImportRow:
        stored = entry.first("userpassword")
        password, is_locked = None, False
        if stored is not None and (match := _LOCKED_CRYPT.fullmatch(stored)):
            stored, is_locked = (match[1] + match[2] if match[2] else None), True
        if stored is not None and (match := _PLAIN.fullmatch(stored)):
            stored, password = None, match[1]
        elif stored is not None and not stored.startswith("{"):
            stored, password = None, stored
        is_locked |= entry.first("pwdaccountlockedtime") == _FOREVER
        is_locked |= (entry.first("nsaccountlock") or "").lower() == "true"
        is_active = active_directory.is_active(entry.values)
        name = entry.first("uid") or entry.first("samaccountname") or entry.first("userprincipalname")
        return self.row(
            entry.number,
            username=name,
            email=entry.first("mail") or active_directory.address(entry.values),
            label=entry.first("dn") or "",
            password=password,
            password_hash=stored,
            is_active=False if is_locked else is_active,
        )


def _no_dn(entry: "_Entry") -> ValidationError:
    if entry.names <= _END_OF_SEARCH:
        result = entry.first("result")
        return ValidationError(
            "row",
            f"The search ended early, so entries are missing: its result is {str(result)[:80]!r}.",
            hint="Search again without a limit of size or time.",
        )
    return ValidationError("row", "The entry has no dn.")


class _Line(NamedTuple):
    """A logical line, unfolded.

    Attributes:
        number: The number of its first physical line.
        raw: The text; cut if *is_cut*.
        is_cut: Whether the line was too long, and its end was dropped.
    """

    number: int
    raw: bytes
    is_cut: bool


class _Entry:
    """An entry.

    Attributes:
        number: The number of its first line.
        values: The values of the wanted attributes by lower-case name, without options.
        names: The names of all attributes.
        error: The first error among them.
        raw: The text, unfolded, so far as a reject shows it.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.values: dict[str, list[str]] = {}
        self.names: set[str] = set()
        self.error: ValidationError | None = None
        self.raw = bytearray()

    def first(self, name: str) -> str | None:
        return next(iter(self.values.get(name, ())), None)

    def add(self, line: _Line) -> None:
        description, colon, rest = line.raw.partition(b":")
        name = description.partition(b";")[0].strip().lower().decode("ascii", "replace")
        self.names.add(name)
        if not colon:
            self._fail(line, "is not an attribute: it has no colon")
        elif name in _WANTED:
            try:
                self.values.setdefault(name, []).append(_value(line, rest))
            except ValueError as error:
                self._fail(line, f"has a value that cannot be used: {error}")
        kept = line.raw if name in _WANTED and not line.is_cut else line.raw[:_LONGEST_UNREAD]
        if len(self.raw) + len(kept) < LARGEST_FIELD:
            self.raw += kept + b"\n"

    def _fail(self, line: _Line, problem: str) -> None:
        self.error = self.error or ValidationError("row", f"Line {line.number} {problem}.")


def _entries(file: BinaryIO) -> Iterator[_Entry]:
    """Yield the entries, which blank lines separate; the line with the version is not an entry."""
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
                yield _Line(first, b"".join(pieces), size > LARGEST_FIELD)
            first, pieces, size = number, [], 0
            if not text.strip():
                yield _Line(number, b"", is_cut=False)
                continue
        elif starts_line:
            text = text[1:]
        size += len(text)
        if size <= LARGEST_FIELD or not pieces:
            pieces.append(text)
    if pieces:
        yield _Line(first, b"".join(pieces), size > LARGEST_FIELD)


def _value(line: _Line, rest: bytes) -> str:
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
