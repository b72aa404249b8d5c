"""Read JSON with the place of each value, which Python's decoder does not give."""

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed has only the class

from lback_cli.apply.nodes import DEEPEST, Faults, Key, Node, Place

_BLANK = re.compile(r"[ \t\r\n]*")
_LITERAL = re.compile(r"-?[0-9][0-9.eE+-]{0,40}|[a-z]+")


def read_json(text: str, faults: Faults) -> Node | None:
    """Return the value of *text*, or None if it is not JSON."""
    reader = _Reader(text, faults)
    try:
        return reader.document()
    except _NotJsonError as error:
        faults.add(reader.place(error.index), f"This is not JSON: {error.problem}.")
        return None


class _NotJsonError(Exception):
    """The text is not JSON at *index*."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index
        self.problem = problem


class _Reader:
    def __init__(self, text: str, faults: Faults) -> None:
        self._text = text
        self._faults = faults
        self._line, self._line_start = 1, 0

    def document(self) -> Node:
        """Return the only value."""
        node, end = self.value(self.blank(0), depth=0)
        if (end := self.blank(end)) < len(self._text):
            raise _NotJsonError(end, "there is more after the end")
        return node

    def place(self, index: int) -> Place:
        """Return the place of the character at *index*. Each call must be for a later one, or in the same line."""
        self._line += self._text.count("\n", self._line_start, index)
        self._line_start = self._text.rfind("\n", 0, index) + 1
        return Place(self._line, index - self._line_start + 1)

    def blank(self, index: int) -> int:
        """Return the index of the next character that is not blank."""
        match = _BLANK.match(self._text, index)
        return index if match is None else match.end()

    def value(self, start: int, *, depth: int) -> tuple[Node, int]:
        """Return the value at *start*, and the index of its end."""
        place, first = self.place(start), self._text[start : start + 1]
        if first in {"{", "["} and depth == DEEPEST:
            raise _NotJsonError(start, "the lists and objects are nested too deeply")
        if first == "{":
            return self._object(start, place, depth)
        if first == "[":
            return self._list(start, place, depth)
        if first == '"':
            text, end = self._string(start)
            return Node(text, place), end
        match = _LITERAL.match(self._text, start)
        try:
            if match is None or match[0] in {"NaN", "Infinity"}:
                raise ValueError  # noqa: TRY301 - one place for what is not a value
            return Node(json.loads(match[0]), place), match.end()
        except ValueError:
            raise _NotJsonError(
                start, "a value is missing" if match is None else f"{match[0]} is not a value"
            ) from None

    def _list(self, start: int, place: Place, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        index = self.blank(start + 1)
        while self._text[index : index + 1] != "]":
            if items:
                index = self._separator(index, ",", "a comma or ] is missing")
            item, index = self.value(index, depth=depth + 1)
            items.append(item)
            index = self.blank(index)
        return Node(items, place), index + 1

    def _object(self, start: int, place: Place, depth: int) -> tuple[Node, int]:
        found: dict[str, Node] = {}
        index = self.blank(start + 1)
        first = True
        while self._text[index : index + 1] != "}":
            if not first:
                index = self._separator(index, ",", "a comma or } is missing")
            first = False
            if self._text[index : index + 1] != '"':
                raise _NotJsonError(index, "a key in double quotes is missing")
            key_place = self.place(index)
            key, index = self._string(index)
            index = self._separator(self.blank(index), ":", "a colon is missing")
            value, index = self.value(index, depth=depth + 1)
            if key in found:
                self._faults.add(key_place, f"The key {key} comes twice.")
            else:
                found[Key(key, key_place)] = value
            index = self.blank(index)
        return Node(found, place), index + 1

    def _separator(self, index: int, separator: str, problem: str) -> int:
        if self._text[index : index + 1] != separator:
            raise _NotJsonError(index, problem)
        return self.blank(index + 1)

    def _string(self, start: int) -> tuple[str, int]:
        try:
            text, end = scanstring(self._text, start + 1)
        except json.JSONDecodeError as error:
            raise _NotJsonError(max(start, error.pos), error.msg[0].lower() + error.msg[1:]) from None
        return text, end
