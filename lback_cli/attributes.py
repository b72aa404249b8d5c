"""The attributes of a user: the one list from which everything that names them derives.

Registration, updates, import and export columns, results, plans, events, the copy of a database and erasure all read
this list. To add an attribute, add an entry to `BUILT_IN`; the tests in ``tests/test_attributes.py`` check every place
where it must appear. A configuration adds attributes of its own under ``[attributes]``.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from lback_cli.errors import ValidationError
from lback_cli.text.escaping import safe

ValueType = Literal["text", "integer", "boolean", "date"]
"""The types of attributes that a configuration can declare."""

Value = str | int | bool
"""A value as results show it; a date is ISO 8601 text."""

Storage = Literal["column", "memberships", "password", "row"]
"""Where values are: in a column of ``users``, in the membership table, as a hash, or in a row of lback's own table."""

LONGEST_TEXT = 1000
"""Characters of the longest text."""

LARGEST_INTEGER = 2**53 - 1
"""The largest integer that every reader of JSON represents exactly (RFC 7493, section 2.2)."""

_NAME = re.compile("[a-z][a-z0-9_]{0,31}")
_ENCODER = json.JSONEncoder(ensure_ascii=False)  # json.dumps would make one for each value
_UNSTORABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")

BOOLEANS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
"""The words for a boolean in text, in lower case: those of PostgreSQL, spreadsheets and JSON among them."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute of every user.

    Attributes:
        name: The name in options, columns, JSON and events.
        type: The type of the values.
        about: What the attribute means, for help and documentation.
        storage: Where its values are stored.
        column: The column of ``users``, if `storage` says so.
        personal: Whether its values are personal data, which an erasure looks for.
        unique: Whether no two users may have the same value.
        declared: Whether the configuration declares it.
    """

    name: str
    type: ValueType | Literal["names", "secret"]
    about: str
    storage: Storage = "row"
    column: str = ""
    personal: bool = True
    unique: bool = False
    declared: bool = False

    def parse(self, raw: Any) -> Value | None:
        """Convert *raw*, text or a JSON value, to a stored value; None and empty text mean that there is none.

        Raises:
            ValidationError: *raw* is not a value of this type.
        """
        if raw is None or raw == "":
            return None
        value = _PARSERS[self.type](raw) if self.type in _PARSERS else None
        if value is None:
            shown = f"a {type(raw).__name__}" if isinstance(raw, list | dict) else safe(repr(raw), limit=80)
            raise ValidationError(self.name, f"{self.name}: {shown} is not {_DESCRIPTIONS[self.type]}.")
        return value


BUILT_IN = (
    Attribute("username", "text", "User name, canonical and unique.", "column", "username", unique=True),
    Attribute("email", "text", "E-mail address, canonical and unique.", "column", "email", unique=True),
    Attribute("external_id", "text", "Identifier in another system, unique, case-sensitive.", unique=True),
    Attribute("display_name", "text", "Name for people to read."),
    Attribute("is_active", "boolean", "Whether the user may log in.", "column", "is_active", personal=False),
    Attribute(
        "is_email_verified",
        "boolean",
        "Whether the e-mail address is verified.",
        "column",
        "is_email_verified",
        personal=False,
    ),
    Attribute("groups", "names", "Names of the user's groups.", "memberships", personal=False),
    Attribute("password", "secret", "Password, stored as a hash.", "password", "password", personal=False),
)
"""The attributes that every lback knows, in the order of results."""

RESERVED = frozenset(
    {
        *(attribute.name for attribute in BUILT_IN),
        *("id", "password_hash", "created_at", "updated_at", "attributes", "add_groups", "remove_groups"),
        *("error", "error_code", "outcome", "user", "last_login", "locked_until", "name", "state"),
        *("group", "search"),
    }
)
"""Names that a configuration cannot declare: they have a meaning in results, columns, updates or conditions."""


def is_declarable(name: str) -> bool:
    """Return whether a configuration may declare an attribute called *name*."""
    return _NAME.fullmatch(name) is not None and name not in RESERVED


class UserAttributes:
    """All attributes of one configuration: `BUILT_IN` and those it declares."""

    def __init__(self, declared: Iterable[Attribute] = ()) -> None:
        self._by_name = {attribute.name: attribute for attribute in (*BUILT_IN, *declared)}
        self.columns = self._stored_in("column")
        """The attributes that are columns of ``users``."""
        self.rows = self._stored_in("row")
        """The attributes whose values are rows of lback's own table."""
        self.built_in_rows = tuple(attribute for attribute in self.rows if not attribute.declared)
        """Those of `rows` that every lback knows. In nested results they are fields of the user."""
        self.declared_rows = tuple(attribute for attribute in self.rows if attribute.declared)
        """Those of `rows` that the configuration declares. In nested results they are in the object ``attributes``."""

    def __iter__(self) -> Iterator[Attribute]:
        return iter(self._by_name.values())

    def find(self, name: str) -> Attribute | None:
        """Return the attribute called *name*, if there is one."""
        return self._by_name.get(name)

    def _stored_in(self, storage: Storage) -> tuple[Attribute, ...]:
        return tuple(attribute for attribute in self if attribute.storage == storage)

    def parse_rows(self, values: Mapping[str, Any]) -> dict[str, Value | None]:
        """Convert *values* of attributes in lback's own table, by name, to stored values; None unsets one.

        Raises:
            ValidationError: An attribute is unknown, or a value is not of its type.
        """
        parsed: dict[str, Value | None] = {}
        for name, raw in values.items():
            attribute = self._by_name.get(name)
            if attribute is None or attribute.storage != "row":
                raise ValidationError(
                    str(name),
                    f"There is no attribute '{safe(name, limit=40)}' to set.",
                    hint=f"Attributes are {', '.join(known.name for known in self.rows)}; "
                    "[attributes] in the configuration declares more.",
                )
            parsed[name] = attribute.parse(raw)
        return parsed

    def parse_conditions(self, values: Mapping[str, Any]) -> dict[str, Value]:
        """Convert *values* to search for, as `parse_rows` does.

        Raises:
            ValidationError: As in `parse_rows`, or there is no value.
        """
        parsed: dict[str, Value] = {}
        for name, value in self.parse_rows(values).items():
            if value is None:
                raise ValidationError(name, f"There is no value of {name} to search for.")
            parsed[name] = value
        return parsed


def encode(value: Value) -> str:
    """Encode *value* as lback stores it: JSON."""
    return _ENCODER.encode(value)


def digest(value: Value) -> str:
    """Return the digest by which users with exactly *value* are found."""
    return _sha256(encode(value))


def unique_digest(attribute: Attribute, value: Value) -> str | None:
    """Return what the unique index holds for *value*; None where users may share a value."""
    return _sha256(f"{attribute.name}={encode(value)}") if attribute.unique else None


def _sha256(text: str) -> str:
    import hashlib

    return hashlib.sha256(text.encode()).hexdigest()


def _text(raw: Any) -> str | None:
    if not isinstance(raw, str) or _UNSTORABLE.search(raw):
        return None
    import unicodedata

    text = unicodedata.normalize("NFC", raw).strip()
    return text if 0 < len(text) <= LONGEST_TEXT else None


def _integer(raw: Any) -> int | None:
    if isinstance(raw, str) and re.fullmatch(r"[+-]?[0-9]{1,16}", raw.strip()):
        raw = int(raw)
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and abs(raw) <= LARGEST_INTEGER else None


def _boolean(raw: Any) -> bool | None:
    return raw if isinstance(raw, bool) else BOOLEANS.get(raw.strip().lower()) if isinstance(raw, str) else None


def _date(raw: Any) -> str | None:
    if isinstance(raw, date):
        return raw.isoformat()[:10]
    if not isinstance(raw, str) or not re.fullmatch(r"\d{4}-\d\d-\d\d", raw.strip(), re.ASCII):
        return None
    try:
        return date.fromisoformat(raw.strip()).isoformat()
    except ValueError:
        return None


_PARSERS = {"text": _text, "integer": _integer, "boolean": _boolean, "date": _date}

_DESCRIPTIONS = {
    "text": f"one line of at most {LONGEST_TEXT} characters",
    "integer": "a whole number",
    "boolean": "true or false",
    "date": "a date such as 2026-01-31",
}
