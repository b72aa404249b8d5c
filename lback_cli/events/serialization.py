"""Arguments of signals as JSON: what the trace and the event log keep of them.

Nothing here asks the database: of a user it tells what is loaded already.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from lback_cli.models import User
from lback_cli.text.escaping import ELLIPSIS

TEXT_LIMIT = 2000
"""Characters of one value; the rest is cut."""

ITEM_LIMIT = 100
"""Entries of one list or dict; the rest is cut."""

DEPTH_LIMIT = 4
"""Lists and dicts within each other; what lies deeper becomes text."""

EXACT = 2**53 - 1
"""A larger integer is not the same for every reader of JSON (RFC 7493, section 2.2): it becomes text."""


def to_json(value: Any) -> Any:
    """*value* as something that `json.dumps` takes, without floats, and no larger than the limits allow."""
    return _as_json(value, DEPTH_LIMIT)


def exception_as_json(error: BaseException) -> dict[str, str]:
    """The ``type`` and ``message`` of *error*."""
    return {"type": type(error).__name__, "message": _cut(safe_str(error))}


def loaded_attributes(user: User) -> dict[str, Any]:
    """The id, username and email of *user*, as far as they are loaded.

    Reading an attribute that is not would send a query in the middle of the operation, or raise.
    """
    state = inspect(user)
    known: dict[str, Any] = {name: state.dict.get(name) for name in ("id", "username", "email")}
    if known["id"] is None and state.identity is not None:
        known["id"] = state.identity[0]
    return known


def truncated_items(values: Iterable[Any], shown: Callable[[Any], Any]) -> list[Any]:
    """As many of *values* as the limit allows, each as *shown* has it, a set's in a stable order."""
    ordered = sorted(values, key=safe_str) if isinstance(values, set | frozenset) else list(values)
    entries = [shown(value) for value in ordered[:ITEM_LIMIT]]
    return [*entries, ELLIPSIS] if len(ordered) > ITEM_LIMIT else entries


def safe_str(value: Any) -> str:
    """``str(value)``, or the name of its type when foreign code cannot do that."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever it raises, the operation that is watched goes on
        return f"<{type(value).__name__}>"


def _as_json(value: Any, depth: int) -> Any:  # noqa: PLR0911 - one for each kind of value
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
    """*key* in ASCII, which sorts alike by UTF-16 (RFC 8785) and by code point (most encoders of JSON)."""
    return _cut(safe_str(key)).encode("ascii", "backslashreplace").decode("ascii")


def _cut(text: str) -> str:
    """*text*, cut to the limit, with lone surrogates, which canonical JSON may not hold, as visible escapes."""
    cut = text if len(text) <= TEXT_LIMIT else text[: TEXT_LIMIT - len(ELLIPSIS)] + ELLIPSIS
    return cut.encode("utf-8", "backslashreplace").decode("utf-8")
