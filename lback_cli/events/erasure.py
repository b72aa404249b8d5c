"""Which events an erasure covers, and how that is written down."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

ERASURE = "user_erased"
"""The event that says which others were erased. It is no signal, and has no personal data itself."""

_NAMES = ("username", "email")
_BEFORE, _AFTER = "'\"(<[{`", "'\")>]}`"


def format_ranges(sequences: Sequence[int]) -> str:
    """Ascending numbers in a short form: ``3-5,9``."""
    ranges: list[list[int]] = []
    for number in sequences:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def parse_ranges(text: str) -> list[tuple[int, int]]:
    """The (first, last) pairs of what `format_ranges` wrote."""
    pairs = (part.partition("-") for part in text.split(",") if part)
    return [(int(first), int(last or first)) for first, _, last in pairs]


def names_of_subject(data: Mapping[str, Any]) -> set[str]:
    """The user names and addresses, in lower case, of the user that an event with *data* is about.

    Those that an update only asked for are not among them: they may be somebody else's.
    """
    return _names_of(data) | _names_of(data.get("user"))


def mentions_any(data: Any, names: set[str]) -> bool:
    """Whether a text anywhere in *data* is one of *names*, or has one in quotes or brackets, or an address bare.

    So do lback's messages, and those of databases and mail servers, name people. A bare user name is not looked for in
    text: it may be a common word.
    """
    return any(
        text in names
        or any(name in text and ("@" in name or _enclosed(name).search(text) is not None) for name in names)
        for text in map(str.lower, _texts(data))
    )


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
