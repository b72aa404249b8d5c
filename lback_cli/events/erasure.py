"""Which events an erasure covers, and how they are listed."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from lback_cli.errors import BrokenEventLog

ERASURE = "user_erased"
"""The event that lists erased events. It is not a signal, and has no personal data."""

_NAMES = ("username", "email")
_BEFORE, _AFTER = "'\"(<[{`", "'\")>]}`"


def format_ranges(sequences: Sequence[int]) -> str:
    """Return ascending numbers in a short form such as ``3-5,9``."""
    ranges: list[list[int]] = []
    for number in sequences:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def parse_ranges(text: str) -> list[tuple[int, int]]:
    """Return the (first, last) pairs of a text that `format_ranges` returned."""
    pairs = (part.partition("-") for part in text.split(",") if part)
    return [(int(first), int(last or first)) for first, _, last in pairs]


def decoded(seq: int, data: str) -> dict[str, Any]:
    """Return the stored *data* of event *seq* as an object.

    Raises:
        BrokenEventLog: It is not one; the event was damaged.
    """
    try:
        found = json.loads(data)
    except (ValueError, TypeError, RecursionError) as error:
        raise BrokenEventLog(seq, "its data is damaged.") from error
    if not isinstance(found, dict):
        raise BrokenEventLog(seq, "its data is damaged.")
    return found


def names_of_subject(data: Mapping[str, Any], impersonal: Collection[str] | None = None) -> set[str]:
    """Return what names the user that an event with *data* is about, in lower case.

    Args:
        data: The event's data.
        impersonal: The attributes whose values name no person. The values of all others are returned, those of
            attributes that are no longer declared too. None returns user names and addresses alone.

    What an update only requested is left out, since it may be another user's.
    """
    names = _names_of(data) | _names_of(data.get("user"))
    changes = data.get("changes")
    sought = _NAMES
    if impersonal is not None and isinstance(changes, Mapping) and "group" not in data:
        sought = tuple(name for name in changes if name not in impersonal and name != "created_at")
    for change in (changes.get(name) for name in sought) if isinstance(changes, Mapping) else ():
        if isinstance(change, Mapping):
            names |= {value.lower() for value in change.values() if isinstance(value, str)}
    return names


def mentions_any(subject: str | None, data: Mapping[str, Any], names: set[str]) -> bool:
    """Return whether an event with *subject* and *data* mentions one of *names*.

    A text mentions a name if it is the name, contains it in quotes or brackets, or contains an address anywhere. That
    is how the messages of lback, of databases and of mail servers name people. A user name without quotes is ignored,
    since it may be a common word. Names of groups and lback's own words, such as those of ``error_type``, are not
    mentions of a user with the same name.
    """
    return any(
        text in names
        or any(name in text and ("@" in name or _enclosed(name).search(text) is not None) for name in names)
        for text in map(str.lower, _texts([subject, _searchable(data)]))
    )


def _searchable(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return *data* without names of groups and lback's own words."""
    found = _without(data, "error_type", "reason", "group")
    parts = {
        "changes": ("groups", "password", "name") if "group" in data else ("groups", "password"),
        "update_data": ("add_groups", "remove_groups"),
        "exception": ("type",),
    }
    for name, ignored in parts.items():
        if isinstance(part := found.get(name), Mapping):
            found[name] = _without(part, *ignored)
    return found


def _without(part: Mapping[str, Any], *ignored: str) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in ignored}


@cache
def _enclosed(name: str) -> re.Pattern[str]:
    return re.compile(rf"[{re.escape(_BEFORE)}]{re.escape(name)}[{re.escape(_AFTER)}]")


def _names_of(part: Any) -> set[str]:
    if not isinstance(part, Mapping):
        return set()
    return {str(part[name]).lower() for name in _NAMES if part.get(name)}


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)
