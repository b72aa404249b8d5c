"""What a trace says of an argument of a signal: as JSON, and in words.

A trace only watches, so nothing here asks the database: of a user it tells what is loaded already.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import inspect
from sqlalchemy.orm import Session

from lback_cli.models import User
from lback_cli.security.text import ELLIPSIS, safe

JSON_LIMIT = 2000
"""Characters of one value in JSON; the rest is cut."""

TEXT_LIMIT = 200
"""Characters of one argument in words; the rest is cut."""

ITEM_LIMIT = 100
"""Entries of one list or dict that are shown; the rest is cut."""

_DEPTH_LIMIT = 4
_EXACT_BITS = 64
# What needs no quotes to be told from the names, brackets and words around it.
_WORD = re.compile(r"(?!(?:None|True|False)\Z)[^\s\"={}\[\],]+")


def as_json(value: Any) -> Any:
    """*value* as something that `json.dumps` takes and that holds no more than the limits allow."""
    return _as_json(value, _DEPTH_LIMIT)


def as_text(value: Any) -> str:
    """*value* in words that are safe on a terminal; text that could be mistaken for something else gets quotes."""
    return safe(_as_text(value, _DEPTH_LIMIT), limit=TEXT_LIMIT)


def exception_as_json(error: BaseException) -> dict[str, str]:
    """The ``type`` and ``message`` of *error*."""
    return {"type": type(error).__name__, "message": _cut(_str(error))}


def exception_as_text(error: BaseException) -> str:
    """``Type: message``, safe on a terminal."""
    return safe(_exception(error), limit=TEXT_LIMIT)


def _as_json(value: Any, depth: int) -> Any:  # noqa: PLR0911 - one for each kind of value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value.bit_length() <= _EXACT_BITS:
        return int(value)
    if isinstance(value, User):
        return {name: _as_json(known, 0) for name, known in _known(value).items()}
    if isinstance(value, Session):
        return "Session"
    if isinstance(value, BaseException):
        return exception_as_json(value)
    if depth and isinstance(value, Mapping):
        return {_cut(_str(key)): _as_json(entry, depth - 1) for key, entry in islice(value.items(), ITEM_LIMIT)} | (
            {ELLIPSIS: ELLIPSIS} if len(value) > ITEM_LIMIT else {}
        )
    if depth and isinstance(value, list | tuple | set | frozenset):
        return _first(value, lambda entry: _as_json(entry, depth - 1))
    return _cut(_str(value))


def _as_text(value: Any, depth: int) -> str:  # noqa: PLR0911 - one for each kind of value
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, User):
        return _user(value)
    if isinstance(value, Session):
        return "Session"
    if isinstance(value, BaseException):
        return _exception(value)
    if depth and isinstance(value, Mapping):
        pairs = _first(value.items(), lambda pair: f"{_str(pair[0])}={_as_text(pair[1], depth - 1)}")
        return "{" + ", ".join(pairs) + "}"
    if depth and isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(_first(value, lambda entry: _as_text(entry, depth - 1))) + "]"
    return _str(value)


def _first(values: Iterable[Any], shown: Callable[[Any], Any]) -> list[Any]:
    """As many of *values* as are shown, a set's in a stable order."""
    ordered = sorted(values, key=_str) if isinstance(values, set | frozenset) else list(values)
    entries = [shown(value) for value in ordered[:ITEM_LIMIT]]
    return [*entries, ELLIPSIS] if len(ordered) > ITEM_LIMIT else entries


def _known(user: User) -> dict[str, Any]:
    """The id, username and email of *user*, as far as they are loaded.

    Reading an attribute that is not would send a query in the middle of the operation, or raise.
    """
    state = inspect(user)
    known: dict[str, Any] = {name: state.dict.get(name) for name in ("id", "username", "email")}
    if known["id"] is None and state.identity is not None:
        known["id"] = state.identity[0]
    return known


def _user(user: User) -> str:
    known = _known(user)
    name, number = known["username"], known["id"]
    if number is None:
        return "User" if name is None else _str(name)
    return f"id {_str(number)}" if name is None else f"{_str(name)} (id {_str(number)})"


def _exception(error: BaseException) -> str:
    # SQLAlchemy writes several lines; a line of the trace reads better without escapes between them.
    message = _str(error).replace("\n", " ")
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _quoted(text: str) -> str:
    head = text[: TEXT_LIMIT + 1]
    return head if _WORD.fullmatch(head) else '"' + head.replace('"', '\\"') + '"'


def _cut(text: str) -> str:
    return text if len(text) <= JSON_LIMIT else text[: JSON_LIMIT - len(ELLIPSIS)] + ELLIPSIS


def _str(value: Any) -> str:
    """``str(value)``, or the name of its type when foreign code cannot do that."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - whatever it raises, the operation that is traced goes on
        return f"<{type(value).__name__}>"
