"""The values of a file, each with the place where it begins, and the faults of a file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

DEEPEST = 8
"""Levels of nested lists and mappings. A file needs five."""


class Place(NamedTuple):
    """Where something begins in a file: line and column from 1."""

    line: int
    column: int


START = Place(1, 1)


class Key(str):
    """A key of a mapping, with its place."""

    __slots__ = ("place",)
    place: Place

    def __new__(cls, text: str, place: Place) -> Self:
        """Make the key."""
        key = super().__new__(cls, text)
        key.place = place
        return key


@dataclass(frozen=True, slots=True)
class Node:
    """A value and its place. A scalar is text, or what JSON or TOML make of it. The keys of a mapping are `Key`."""

    value: "Scalar | list[Node] | Mapping[str, Node]"
    place: Place


Scalar = str | bool | int | float | None


def place_of(key: str) -> Place:
    """Return the place of a key."""
    return key.place if isinstance(key, Key) else START


class Fault(NamedTuple):
    """A fault of a file."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.message}"


@dataclass(slots=True)
class Faults:
    """Collects the faults of one file."""

    file: str
    found: list[Fault] = field(default_factory=list)

    def add(self, place: Place, message: str) -> None:
        """Add a fault."""
        self.found.append(Fault(self.file, *place, message))
