"""What a JSON value must be to be held, and to be written again: a number that is one, and no deep nesting."""

import math
from typing import Any

DEEPEST = 32
"""Lists and objects in each other; rows need two, exports of other programs a few more, and Python ends near 1000."""

LONGEST_NUMBER = 100
"""Digits; Python takes quadratic time for more, and refuses some thousand with words of its own."""


def finite(number: str) -> float:
    """The number that a JSON text means. Raises ValueError for one that no float can hold."""
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{number[:40]} is too large a number")
    return value


def nests_deeply(text: str | bytes, value: Any) -> bool:
    """Whether *value*, which was read from the JSON *text*, is nested in more than `DEEPEST` levels."""
    opened = text.count(b"[") + text.count(b"{") if isinstance(text, bytes) else text.count("[") + text.count("{")
    if opened <= DEEPEST:
        return False
    level = [value]
    for _ in range(DEEPEST + 1):
        parts = [part for part in level if isinstance(part, list | dict)]
        level = [item for part in parts for item in (part.values() if isinstance(part, dict) else part)]
        if not level:
            return False
    return True
