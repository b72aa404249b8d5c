"""One row of an import: where it stood, what it said, and the user it means."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lback_cli.errors import LbackError, ValidationError

COLUMNS = ("username", "email", "password", "password_hash", "groups", "is_active", "is_email_verified")
"""What a row may say; the first two it must."""

IGNORED = ("id", "created_at", "updated_at", "error_code", "error")
"""Columns of lback's own exports and reject files that an import passes over."""

LARGEST_FIELD = 64 * 1024
"""Characters of one field; no valid one is nearly as long, and a reader must not hold what a mistake makes of it."""

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_GROUP_SEPARATORS = re.compile(r"[;,]")


@dataclass(slots=True)
class Row:
    """A row of the file: its first *line*, its *original* fields by column, and what they mean.

    *error* is set when they mean nothing; the others are None where the row is silent.
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


def row_of(line: int, fields: Mapping[str, Any]) -> Row:
    """The row that *fields* mean; a field of the wrong kind is the row's error."""
    try:
        return Row(
            line,
            fields,
            username=_text(fields, "username") or "",
            email=_text(fields, "email") or "",
            password=_text(fields, "password"),
            password_hash=_text(fields, "password_hash"),
            groups=_groups(fields.get("groups")),
            is_active=_boolean(fields, "is_active"),
            is_email_verified=_boolean(fields, "is_email_verified"),
        )
    except ValidationError as error:
        return broken_row(line, error, fields)


def broken_row(line: int, error: LbackError, fields: Mapping[str, Any] | None = None) -> Row:
    """A row that cannot be read, with as much of it as could."""
    fields = fields or {}
    name, email = fields.get("username"), fields.get("email")
    return Row(
        line,
        fields,
        username=name if isinstance(name, str) else "",
        email=email if isinstance(email, str) else "",
        error=error,
    )


def require_columns(columns: tuple[str, ...], where: str) -> None:
    """Raise `ValidationError` unless these columns make an import: known, each once, the necessary ones among them."""
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


def _text(fields: Mapping[str, Any], name: str) -> str | None:
    value = fields.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValidationError(name, f"{name} must be text.")
    if len(value) > LARGEST_FIELD:
        raise ValidationError(name, f"{name} has {len(value)} characters.")
    return value


def _boolean(fields: Mapping[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    if value is None or value == "" or isinstance(value, bool):
        return value if isinstance(value, bool) else None
    known = _BOOLEANS.get(value.strip().lower()) if isinstance(value, str) else None
    if known is None:
        raise ValidationError(name, f"{name} must be true or false.")
    return known


def _groups(value: Any) -> tuple[str, ...] | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return tuple(name.strip() for name in _GROUP_SEPARATORS.split(value) if name.strip())
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValidationError("groups", "groups must be names, in JSON a list of them.")
