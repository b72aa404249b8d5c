"""Arguments of signals as text for people, safe on a terminal."""

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from lback_cli.events.serialization import DEPTH_LIMIT, loaded_attributes, safe_str, truncated_items
from lback_cli.models import User
from lback_cli.text.escaping import safe

TEXT_LIMIT = 200
"""Characters of the text of one argument; longer text is cut."""

# Text that needs no quotes to be distinguished from the names, brackets and constants around it.
_WORD = re.compile(r"(?!(?:None|True|False)\Z)[^\s\"={}\[\],]+")


def as_text(value: Any) -> str:
    """Return *value* as text that is safe on a terminal. Ambiguous text is quoted."""
    return safe(_as_text(value, DEPTH_LIMIT), limit=TEXT_LIMIT)


def exception_as_text(error: BaseException) -> str:
    """Return ``Type: message``, safe on a terminal."""
    return safe(_exception(error), limit=TEXT_LIMIT)


def reason_as_text(error: BaseException) -> str:
    """Return the message of *error*, safe on a terminal."""
    return safe(_message(error), limit=TEXT_LIMIT)


def _as_text(value: Any, depth: int) -> str:  # noqa: PLR0911 - one return for each type of value
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, User):
        return _user(value)
    if isinstance(value, Session):
        return "Session"
    if isinstance(value, BaseException):
        return _exception(value)
    if depth and isinstance(value, Mapping):
        pairs = truncated_items(value.items(), lambda pair: f"{safe_str(pair[0])}={_as_text(pair[1], depth - 1)}")
        return "{" + ", ".join(pairs) + "}"
    if depth and isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(truncated_items(value, lambda entry: _as_text(entry, depth - 1))) + "]"
    return safe_str(value)


def _user(user: User) -> str:
    known = loaded_attributes(user)
    name, number = known["username"], known["id"]
    if number is None:
        return "User" if name is None else safe_str(name)
    return f"id {safe_str(number)}" if name is None else f"{safe_str(name)} (id {safe_str(number)})"


def _exception(error: BaseException) -> str:
    message = _message(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _message(error: BaseException) -> str:
    # SQLAlchemy's messages have several lines; joined by spaces they need no escapes.
    return safe_str(error).replace("\n", " ")


def _quoted(text: str) -> str:
    head = text[: TEXT_LIMIT + 1]
    return head if _WORD.fullmatch(head) else '"' + head.replace('"', '\\"') + '"'
