"""A row of an import: where it is in the file, what it says, and which user that means."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, repeat
from typing import Any, Final

from lback_cli.attributes import Value
from lback_cli.errors import LbackError, ValidationError
from lback_cli.imports.columns import IGNORED, INACTIVE, ImportColumns
from lback_cli.imports.distinguished_names import entry_names
from lback_cli.imports.words import boolean, read_attribute

LARGEST_FIELD: Final = 64 * 1024
"""Characters of one field; no valid field is nearly as long, and a broken file must not fill the memory."""

LARGEST_RECORD: Final = 16 * LARGEST_FIELD
"""Bytes of one record; a longer one is refused, and is not held in memory."""

_REQUIRED = ("username", "email")
_ERROR_CODE = "error_code"
"""A column that only rejects have."""

_NOT_IN_NAMES = re.compile(r"[^\w.-]+")
_GROUP_SEPARATORS = re.compile(r"[;,]")


@dataclass(slots=True)
class ImportRow:
    """A row of an import. What the row does not say is None, or empty.

    Attributes:
        line: The number of its first line.
        columns: The names of its fields.
        cells: The values of its fields, as they are in the file.
        error: Why the row cannot be used, or None.
        raw: The text of a row that has no fields, because it does not have the format of the file.
        record: Its number among the records of a document, which may be a single line.
        attributes: The values, by name, of attributes that are in lback's own table.
        derived_from: The e-mail address that the user name was made from, or None if the file has the user name.
    """

    line: int
    columns: Iterable[str] = ()
    cells: Iterable[Any] = ()
    username: str = ""
    email: str = ""
    password: str | None = None
    password_hash: str | None = None
    groups: tuple[str, ...] | None = None
    is_active: bool | None = None
    is_email_verified: bool | None = None
    error: LbackError | None = None
    raw: str | None = None
    record: int | None = None
    attributes: Mapping[str, Value] | None = None
    derived_from: str | None = None

    @property
    def original(self) -> dict[str, Any]:
        """The fields by name, as they are in the file."""
        return dict(zip(self.columns, self.cells, strict=True))

    @property
    def place(self) -> str:
        """Where the row is in the file, for a person."""
        return f"line {self.line}" if self.record is None else f"line {self.line}, record {self.record}"


def username_of(address: str) -> str:
    """Return the user name that is made from an e-mail *address*: its local part, with hyphens for what no name has.

    Two addresses may have the same one.
    """
    local = address.strip().rpartition("@")[0]
    return _NOT_IN_NAMES.sub("-", local).strip("._-") or local


class RowReader:
    """Reads rows from the cells of a file that names its columns once, such as CSV.

    The cells are text of at most `LARGEST_FIELD` characters.

    Args:
        columns: The columns of the file.
        known: The columns of an import.
    """

    def __init__(self, columns: Sequence[str], known: ImportColumns) -> None:
        self._columns = columns
        self._known = known
        self._readers = [
            (index, name, None if (reader := _READERS[name]) is _text else reader)
            for index, name in enumerate(columns)
            if name in _READERS
        ]
        self._inactive = None
        if INACTIVE in columns and "is_active" in columns:
            self._inactive = columns.index(INACTIVE)
        elif INACTIVE in columns:
            self._readers.append((columns.index(INACTIVE), "is_active", _not_inactive))
        self._attributes = [
            (index, name, known.attributes[name]) for index, name in enumerate(columns) if name in known.attributes
        ]
        self._may_be_rejects = _ERROR_CODE in columns

    def read_block(self, first: int, rows: Sequence[Sequence[str]]) -> list[ImportRow] | None:
        """Return what `read` returns for each of *rows*, in half the time; the first of them is in line *first*.

        Returns:
            The rows; None if one of them is empty, lacks a name or an address, or cannot be used.
        """
        if self._attributes or self._may_be_rejects or self._inactive is not None or not all(rows):
            return None
        cells = list(zip(*rows, strict=True))
        values: dict[str, Iterable[Any]] = dict.fromkeys(_FIELDS, repeat(None))
        try:
            for index, name, reader in self._readers:
                if reader is None:
                    values[name] = [cell or None for cell in cells[index]]
                else:
                    # Few values occur again and again.
                    known = {cell: reader(cell, name) if cell else None for cell in set(cells[index])}
                    values[name] = map(known.__getitem__, cells[index])
        except ValidationError:
            return None
        if any(name not in self._columns or not all(cells[self._columns.index(name)]) for name in _REQUIRED):
            return None
        return list(map(ImportRow, count(first), repeat(self._columns), rows, *values.values()))

    def read(self, line: int, cells: Sequence[str]) -> ImportRow | None:
        """Return the row with these *cells*, or None if all are empty; a cell that cannot be used is its error."""
        if self._may_be_rejects:
            return row_of(line, dict(zip(self._columns, cells, strict=True)), self._known) if any(cells) else None
        values: dict[str, Any] = {}
        try:
            for index, name, reader in self._readers:
                if cell := cells[index]:
                    values[name] = cell if reader is None else reader(cell, name)
            if self._inactive is not None:
                values["is_active"] = _is_active(cells[self._inactive], values.get("is_active"))
            if self._attributes:
                values["attributes"] = {
                    name: value
                    for index, name, attribute in self._attributes
                    if (cell := cells[index]) and (value := read_attribute(attribute, cell)) is not None
                }
        except ValidationError as error:
            return broken_row(line, error, dict(zip(self._columns, cells, strict=True)))
        if not any(cells):
            return None
        return ImportRow(line, self._columns, cells, **values)


_FIELDS = (*_REQUIRED, "password", "password_hash", "groups", "is_active", "is_email_verified")
"""The fields of `ImportRow` after the cells, in its order."""


def row_of(line: int, fields: Mapping[str, Any], columns: ImportColumns) -> ImportRow:
    """Return the row with these *fields* of *columns*; a field that cannot be used is the row's error."""
    if _ERROR_CODE in fields and (raw := _text_of_unrepaired_reject(fields)) is not None:
        problem = ValidationError(
            "row",
            "The row is a reject that was not repaired: a text without columns.",
            hint="Put its values into the columns.",
        )
        return broken_row(line, problem, raw=raw)
    try:
        values = {name: read(fields[name], name) for name, read in _READERS.items() if name in fields}
        if INACTIVE in fields:
            values["is_active"] = _is_active(fields[INACTIVE], values.get("is_active"))
        values["attributes"] = {
            name: value
            for name, attribute in columns.attributes.items()
            if name in fields and (value := read_attribute(attribute, fields[name])) is not None
        }
    except ValidationError as error:
        return broken_row(line, error, fields)
    for name in _REQUIRED:
        values[name] = values.get(name) or ""
    return ImportRow(line, fields.keys(), fields.values(), **values)


def broken_row(
    line: int, error: LbackError, fields: Mapping[str, Any] | None = None, raw: bytes | None = None
) -> ImportRow:
    """Return a row that cannot be used, with its *fields* or, if it has none, its *raw* text.

    Of a text that is too long only the beginning is kept, and the error says so.
    """
    if raw is not None and len(raw) > LARGEST_FIELD:
        # A reader stops within a record that is longer than the largest, so its length is not known.
        whole = f"its {len(raw)}" if len(raw) <= LARGEST_RECORD else f"more than {LARGEST_RECORD}"
        cut = f"Its text was cut: it is the first {LARGEST_FIELD} of {whole} bytes."
        error = ValidationError("row", f"{error.message} {cut}", hint=error.hint)
    fields = fields or {}
    known: dict[str, Any] = {name: value for name in _REQUIRED if isinstance(value := fields.get(name), str)}
    return ImportRow(
        line,
        fields.keys(),
        fields.values(),
        error=error,
        raw=None if raw is None else raw[:LARGEST_FIELD].decode("utf-8", "backslashreplace").rstrip("\r\n"),
        **known,
    )


def _text_of_unrepaired_reject(fields: Mapping[str, Any]) -> bytes | None:
    """Return the text of a reject that had no columns, if *fields* are one: a single field besides the error.

    It may hold a password, so it must not be used as a user name, which the event log would record.
    """
    values = [value for name, value in fields.items() if value and name not in IGNORED]
    if len(values) != 1 or not isinstance(values[0], str) or not fields[_ERROR_CODE]:
        return None
    return values[0].encode("utf-8", "backslashreplace")


def _text(value: Any, name: str) -> str | None:
    if not value and (value is None or value == ""):
        return None
    if not isinstance(value, str):
        raise ValidationError(name, f"{name} must be text.")
    if len(value) > LARGEST_FIELD:
        raise ValidationError(name, f"{name} has {len(value)} characters.")
    return value


def _not_inactive(value: Any, _name: str) -> bool | None:
    return _is_active(value, None)


def _is_active(inactive: Any, active: bool | None) -> bool | None:
    """Return whether a user is active of whom a file says that, and whether the user is *inactive*."""
    found = boolean(inactive, INACTIVE)
    return active if found is None else not found and active is not False


def _groups(value: Any, name: str) -> tuple[str, ...] | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if value.startswith("["):
            return _groups(_parsed(value), name)
        if "=" in value and (entries := entry_names(value)) is not None:
            return tuple(entries)
        return tuple(group.strip() for group in _GROUP_SEPARATORS.split(value) if group.strip())
    if isinstance(value, list) and all(isinstance(group, str) for group in value):
        return tuple(value)
    raise ValidationError(name, f"{name} must be names separated by semicolons, or a JSON list of names.")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return 0  # a value that is not a list of names


_READERS: Mapping[str, Callable[[Any, str], Any]] = {
    "username": _text,
    "email": _text,
    "password": _text,
    "password_hash": _text,
    "groups": _groups,
    "is_active": boolean,
    "is_email_verified": boolean,
}
"""How the columns of every import become fields of `ImportRow`."""
