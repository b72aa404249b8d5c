"""What a terminal shows: whether in colour, and how wide."""

import os
from typing import TextIO
from unicodedata import combining, east_asian_width


def wants_color(stream: TextIO) -> bool:
    """Whether *stream* gets colours: NO_COLOR, then FORCE_COLOR, then whether it is a terminal that has any."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def text_width(text: str) -> int:
    """How many columns *text* takes, once it has passed `safe`."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(character) else 1 + (east_asian_width(character) in "FW") for character in text)
