"""Arguments of signals as JSON, for the trace and the event log.

Nothing here queries the database: of a user only loaded attributes are used.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from lback_cli.models import User
from lback_cli.text.escaping import ELLIPSIS

TEXT_LIMIT = 2000
"""Characters of a value; longer text is cut."""

ITEM_LIMIT = 100
"""Entries of a list or dict; more are cut."""

DEPTH_LIMIT = 4
"""Nested lists and dicts; deeper ones become text."""

EXACT = 2**53 - 1
"""The largest integer that all readers of JSON agree on (RFC 7493 section 2.2); larger ones become text."""


def to_json(value: Any) -> Any:
    """Return *value* in types that `json.dumps` accepts, without floats, and within the limits."""
    return _as_json(value, DEPTH_LIMIT)


def exception_as_json(error: BaseException) -> dict[str, str]:
    """Return the ``type`` and ``message`` of *error*."""
    return {"type": type(error).__name__, "message": _cut(safe_str(error))}


def loaded_attributes(user: User) -> dict[str, Any]:
    """Return the id, username and email of *user*, or None for those that are not loaded.

    To read an attribute that is not loaded would send a query in the middle of the operation, or raise.
    """
    state = inspect(user)
    known: dict[str, Any] = {name: state.dict.get(name) for name in ("id", "username", "email")}
    if known["id"] is None and state.identity is not None:
        known["id"] = state.identity[0]
    return known


def truncated_items(values: Iterable[Any], convert: Callable[[Any], Any]) -> list[Any]:
    """Return the converted *values*, at most `ITEM_LIMIT`. A set is sorted."""
    ordered = sorted(values, key=safe_str) if isinstance(values, set | frozenset) else list(values)
    entries = [convert(value) for value in ordered[:ITEM_LIMIT]]
    return [*entries, ELLIPSIS] if len(ordered) > ITEM_LIMIT else entries


def safe_str(value: Any) -> str:
    """Return ``str(value)``, or the name of its type if that raises."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever it raises, the operation must go on
        return f"<{type(value).__name__}>"


def _as_json(value: Any, depth: int) -> Any:  # noqa: PLR0911 - one return for each type of value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= EXACT:
        return int(value)
    if isinstance(value, User):
        return {name: _as_json(known, 0) for name, known in loaded_attributes(value).items()}
    if isinstance(value, Session):
        return "Session"
    if isinstance(value, BaseException):
        return exception_as_json(value)
    if depth and isinstance(value, Mapping):
        return {_as_key(key): _as_json(entry, depth - 1) for key, entry in islice(value.items(), ITEM_LIMIT)} | (
            {_as_key(ELLIPSIS): ELLIPSIS} if len(value) > ITEM_LIMIT else {}
        )
    if depth and isinstance(value, list | tuple | set | frozenset):
        return truncated_items(value, lambda entry: _as_json(entry, depth - 1))
    return _cut(safe_str(value))


def _as_key(key: Any) -> str:
    """Return *key* in ASCII, whose order by UTF-16 (RFC 8785) and by code point (most JSON encoders) is the same."""
    return _cut(safe_str(key)).encode("ascii", "backslashreplace").decode("ascii")


def _cut(text: str) -> str:
    """Return *text* cut to the limit, with escapes for lone surrogates, which canonical JSON cannot hold."""
    cut = text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - len(ELLIPSIS)] + ELLIPSIS
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")
