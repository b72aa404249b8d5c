"""Decode JSON strictly: what a value must be to mean one thing only, to be held, and to be written again."""

import json
import math
from typing import Any

DEEPEST = 32
"""Lists and objects in each other; rows need two, exports of other programs a few more, and Python ends near 1000."""

LONGEST_NUMBER = 100
"""Digits; Python takes quadratic time for more, and refuses some thousand with words of its own."""

_BLANKS = " \t\r\n"
_LONGEST_SHOWN = 40
_TOO_DEEP = "is nested too deeply"


class JsonError(ValueError):
    """A text that is no JSON, or none that is clear. The message is the end of a sentence: *has a key twice*."""


class StrictDecoder:
    """Decodes JSON (RFC 8259) without duplicate keys, NaN, infinities, endless numbers or deep nesting.

    It is not for several threads at once.
    """

    def __init__(self) -> None:
        self._problem: str | None = None
        self._raw_decode = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_constant=self._constant,
            parse_float=self._float,
            parse_int=self._integer,
        ).raw_decode

    def decode(self, text: str) -> Any:
        """The value that *text* is. Raises `JsonError`."""
        text = text.strip(_BLANKS)
        try:
            value, end, problem = self.decode_at(text, 0)
        except json.JSONDecodeError as error:
            raise JsonError(f"is not JSON: {error}") from None
        if end < len(text):
            problem = "is not JSON: there is more behind its end"
        if problem is not None:
            raise JsonError(problem)
        return value

    def decode_at(self, text: str, start: int) -> tuple[Any, int, str | None]:
        """The value that begins at *start* of *text*, where it ends, and what is wrong with it, as in `JsonError`.

        Raises `json.JSONDecodeError` where there is no whole value, and `JsonError` where it is nested so deeply that
        its end is not found.
        """
        self._problem = None
        try:
            value, end = self._raw_decode(text, start)
        except RecursionError:
            raise JsonError(_TOO_DEEP) from None
        # Counting is fast, and few texts have so many brackets.
        opened = text.count("[", start, end) + text.count("{", start, end)
        if opened > DEEPEST and self._problem is None and _nests_deeply(value):
            self._problem = _TOO_DEEP
        return value, end, self._problem

    # What is wrong is noted and not raised, so that the end of the value is found.

    def _note(self, problem: str) -> None:
        self._problem = self._problem or problem

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            self._note("has a key twice")
        return result

    def _constant(self, name: str) -> None:
        self._note(f"has {name}, which is no JSON value")

    def _float(self, number: str) -> float:
        value = float(number)
        if math.isinf(value):
            self._note(f"has a number of no use: {number[:_LONGEST_SHOWN]} is too large a number")
            return 0.0
        return value

    def _integer(self, digits: str) -> int:
        if len(digits) > LONGEST_NUMBER:
            self._note(f"has a number of {len(digits)} digits")
            return 0
        return int(digits)


def _nests_deeply(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        parts = [part for part in level if isinstance(part, list | dict)]
        level = [item for part in parts for item in (part.values() if isinstance(part, dict) else part)]
        if not level:
            return False
    return True
