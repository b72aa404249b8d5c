"""A small file in the shape that another program writes, and what the proposed import does with it."""

import json
from typing import Any, NamedTuple


class VendorFile(NamedTuple):
    """A file, and what the proposed import does with it.

    Attributes:
        name: Its name.
        content: Its content.
        people: The users who are created, an inactive one with a hyphen.
        failed: The number of rows that fail.
        said: Parts of the notes and of the problem, in their order.
        options: Options that a person has to add.
    """

    name: str
    content: bytes
    people: str = "ada -ben"
    failed: int = 0
    said: tuple[str, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


def as_text(*lines: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    return (end.join(lines) + end).encode(encoding)


def as_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def as_lines(*values: Any) -> bytes:
    return as_text(*map(json.dumps, values))
