"""One row of an import: where it stood, what it said, and the user it means."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lback_cli.errors import LbackError, ValidationError

COLUMNS = ("username", "email", "password", "password_hash", "groups", "is_active", "is_email_verified")
"""What a row may say; the first two it must."""

IGNORED = ("id", "created_at", "updated_at", "error_code", "error")
"""Columns of lback's own exports and reject files that an import passes over."""

LARGEST_FIELD = 64 * 1024
"""Characters of one field; no valid one is nearly as long, and a reader must not hold what a mistake makes of it."""

LARGEST_RECORD = 16 * LARGEST_FIELD
"""Bytes of one record; a longer one is a bad row, and is not held in memory."""

_REFUSED = "error_code"
"""The column that tells a row of a file of rejects."""

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_GROUP_SEPARATORS = re.compile(r"[;,]")
_NEEDS_A_LIST = re.compile(r"[;,]|^\[|^$")


@dataclass(slots=True)
class Row:
    """A row of the file: its first *line*, its *original* fields by column, and what they mean.

    *record* is its number among those of a document, which may be a single line. *error* is set when they mean nothing;
    the others are None where the row is silent. *raw* is the text of a row that has no fields, as it is not in the form
    of the file.
    """

    line: int
    original: Mapping[str, Any] = field(default_factory=dict)
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

    @property
    def place(self) -> str:
        """Where it stood, for a person to find it."""
        return f"line {self.line}" if self.record is None else f"line {self.line}, record {self.record}"


def row_of(line: int, fields: Mapping[str, Any]) -> Row:
    """The row that *fields* mean; a field of the wrong kind is the row's error."""
    if _REFUSED in fields and (raw := _unmended(fields)) is not None:
        return broken_row(line, _not_mended(), raw=raw)
    get = fields.get
    try:
        return Row(
            line,
            fields,
            _text(get("username"), "username") or "",
            _text(get("email"), "email") or "",
            _text(get("password"), "password"),
            _text(get("password_hash"), "password_hash"),
            _groups(get("groups")),
            _boolean(get("is_active"), "is_active"),
            _boolean(get("is_email_verified"), "is_email_verified"),
        )
    except ValidationError as error:
        return broken_row(line, error, fields)


def row_of_texts(line: int, fields: Mapping[str, str]) -> Row:
    """`row_of` for *fields* that are all text, and none too long."""
    if _REFUSED in fields and (raw := _unmended(fields)) is not None:
        return broken_row(line, _not_mended(), raw=raw)
    get = fields.get
    groups, active, verified = get("groups"), get("is_active"), get("is_email_verified")
    try:
        return Row(
            line,
            fields,
            get("username") or "",
            get("email") or "",
            get("password") or None,
            get("password_hash") or None,
            _groups(groups) if groups else None,
            _boolean(active, "is_active") if active else None,
            _boolean(verified, "is_email_verified") if verified else None,
        )
    except ValidationError as error:
        return broken_row(line, error, fields)


def _unmended(fields: Mapping[str, Any]) -> bytes | None:
    """The text of a row that could not be read, as a file of rejects has it: under one column, with its error.

    It may hold a password, which must not be taken for a name and be told to the event log.
    """
    said = [value for name, value in fields.items() if value and name not in IGNORED]
    if len(said) != 1 or not isinstance(said[0], str) or not fields[_REFUSED]:
        return None
    return said[0].encode("utf-8", "backslashreplace")


def _not_mended() -> ValidationError:
    return ValidationError(
        "row", "The row is as it was refused: a text without columns.", hint="Write what it says into the columns."
    )


def broken_row(line: int, error: LbackError, fields: Mapping[str, Any] | None = None, raw: bytes | None = None) -> Row:
    """A row that cannot be read, with as much of it as could: its *fields*, or else the *raw* text.

    Of a text that is too long only the beginning is kept, and the error says so.
    """
    if raw is not None and len(raw) > LARGEST_FIELD:
        # A reader stops in the middle of a record that is longer than the largest.
        whole = f"its {len(raw)}" if len(raw) <= LARGEST_RECORD else f"more than {LARGEST_RECORD}"
        cut = f"Its text was cut: it is the first {LARGEST_FIELD} of {whole} bytes."
        error = ValidationError("row", f"{error.message} {cut}", hint=error.hint)
    fields = fields or {}
    name, email = fields.get("username"), fields.get("email")
    return Row(
        line,
        fields,
        username=name if isinstance(name, str) else "",
        email=email if isinstance(email, str) else "",
        error=error,
        raw=None if raw is None else raw[:LARGEST_FIELD].decode("utf-8", "backslashreplace").rstrip("\r\n"),
    )


def require_columns(columns: tuple[str, ...], where: str) -> None:
    """Raise `ValidationError` unless these columns make an import: known, each once, the necessary ones among them."""
    if "" in columns:
        at_end = not any(columns[columns.index("") :])
        problem = "has an empty column at its end" if at_end else f"has no name for column {columns.index('') + 1}"
        raise ValidationError(
            "columns",
            f"{where}: the header {problem}.",
            hint="Delete the column." if at_end else "Name it, or delete it.",
        )
    unknown = [column for column in columns if column not in COLUMNS and column not in IGNORED]
    if unknown:
        raise ValidationError(
            "columns", f"{where}: there is no column {unknown[0][:80]!r}.", hint=f"Columns are {', '.join(COLUMNS)}."
        )
    twice = next((column for column in columns if columns.count(column) > 1), None)
    if twice is not None:
        raise ValidationError("columns", f"{where}: the column {twice!r} comes twice.")
    missing = [column for column in COLUMNS[:2] if column not in columns]
    if missing:
        raise ValidationError("columns", f"{where}: the column {missing[0]!r} is missing.")


def _text(value: Any, name: str) -> str | None:
    if not value and (value is None or value == ""):
        return None
    if not isinstance(value, str):
        raise ValidationError(name, f"{name} must be text.")
    if len(value) > LARGEST_FIELD:
        raise ValidationError(name, f"{name} has {len(value)} characters.")
    return value


def _boolean(value: Any, name: str) -> bool | None:
    if isinstance(value, str):
        if not value:
            return None
        known = _BOOLEANS.get(value)
        if known is None:
            known = _BOOLEANS.get(value.strip().lower())
        if known is not None:
            return known
    elif value is None or value is True or value is False:
        return value
    raise ValidationError(name, f"{name} must be true or false.")


def _groups(value: Any) -> tuple[str, ...] | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        if value.startswith("["):
            return _groups(_listed(value))
        return tuple(name.strip() for name in _GROUP_SEPARATORS.split(value) if name.strip())
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValidationError("groups", "groups must be names separated by semicolons, or a JSON list of names.")


def groups_cell(names: Sequence[str]) -> str:
    """*names* in one cell, as `row_of` reads them: with semicolons, or as a JSON list where a name has one itself."""
    if all(name == name.strip() and not _NEEDS_A_LIST.search(name) for name in names):
        return ";".join(names)
    return json.dumps(list(names))


def _listed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return 0  # no names, like any other number
