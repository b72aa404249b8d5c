"""Colour on a terminal, and the width of text."""

import os
from typing import TextIO
from unicodedata import combining, east_asian_width


def wants_color(stream: TextIO) -> bool:
    """Return whether to write colours to *stream*: NO_COLOR decides, then FORCE_COLOR, then the terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def text_width(text: str) -> int:
    """Return the columns of *text*, which has passed `safe`."""
    if text.isascii():
        return len(text)
    return sum(0 if combining(character) else 1 + (east_asian_width(character) in "FW") for character in text)
