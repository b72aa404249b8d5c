"""Decode JSON strictly: a value must be unambiguous, small enough to hold, and possible to write again."""

import json
import math
from typing import Any

DEEPEST = 32
"""Levels of nested lists and objects: rows need two, exports of other programs a few more, Python fails near 1000."""

LONGEST_NUMBER = 100
"""Digits; Python needs quadratic time for more."""

_BLANKS = " \t\r\n"
_LONGEST_SHOWN = 40
_TOO_DEEP = "is nested too deeply"


class JsonError(ValueError):
    """A text is not JSON, or is ambiguous. The message is the end of a sentence: *has a key twice*."""


class StrictDecoder:
    """Decodes JSON (RFC 8259), and refuses duplicate keys, NaN, infinities, very long numbers and deep nesting.

    It must not be shared by threads.
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
        """Return the value of *text*.

        Raises:
            JsonError: *text* is not JSON, or is refused.
        """
        text = text.strip(_BLANKS)
        try:
            value, end, problem = self.decode_at(text, 0)
        except json.JSONDecodeError as error:
            raise JsonError(f"is not JSON: {error}") from None
        if end < len(text):
            problem = "is not JSON: there is more after its end"
        if problem is not None:
            raise JsonError(problem)
        return value

    def decode_at(self, text: str, start: int) -> tuple[Any, int, str | None]:
        """Return the value that begins at *start* of *text*, where it ends, and why it is refused or None.

        Raises:
            json.JSONDecodeError: There is no complete value.
            JsonError: The value is nested so deeply that its end cannot be found.
        """
        self._problem = None
        try:
            value, end = self._raw_decode(text, start)
        except RecursionError:
            raise JsonError(_TOO_DEEP) from None
        # Counting brackets is fast, and few texts have so many.
        opened = text.count("[", start, end) + text.count("{", start, end)
        if opened > DEEPEST and self._problem is None and _nests_deeply(value):
            self._problem = _TOO_DEEP
        return value, end, self._problem

    # These hooks note a problem instead of raising an error, so that the end of the value is found.

    def _note(self, problem: str) -> None:
        self._problem = self._problem or problem

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            self._note("has a key twice")
        return result

    def _constant(self, name: str) -> None:
        self._note(f"has {name}, which is not a JSON value")

    def _float(self, number: str) -> float:
        value = float(number)
        if math.isinf(value):
            self._note(f"has the number {number[:_LONGEST_SHOWN]}, which is too large")
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
