"""Which events an erasure covers, and how that is written down."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

ERASURE = "user_erased"
"""The event that says which others were erased. It is no signal, and has no personal data itself."""

_NAMES = ("username", "email")


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


def in_ranges(number: int, ranges: Iterable[tuple[int, int]]) -> bool:
    """Whether *number* lies in one of *ranges*."""
    return any(first <= number <= last for first, last in ranges)


def names_in(data: Mapping[str, Any]) -> set[str]:
    """The user names and addresses by which the *data* of an event calls the user it is about."""
    parts = [data, data.get("user"), data.get("update_data")]
    return {str(part[name]).lower() for part in parts if isinstance(part, Mapping) for name in _NAMES if part.get(name)}


def mentions(data: Any, names: set[str]) -> bool:
    """Whether a text anywhere in *data* is one of *names*, or quotes one, or has one that is an address in it."""
    return any(
        text in names or any(f"'{name}'" in text or ("@" in name and name in text) for name in names)
        for text in map(str.lower, _texts(data))
    )


def _texts(data: Any) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, list):
        for value in data:
            yield from _texts(value)
