"""The width of text on a terminal."""

from shutil import get_terminal_size
from textwrap import wrap
from typing import TextIO

from lback_cli.text.escaping import ELLIPSIS

NARROWEST = 20
"""If there are fewer columns for a text, the terminal wraps it."""


def screen_width(out: TextIO) -> int | None:
    """Return the width of the terminal that *out* is, or None if it is none."""
    return get_terminal_size().columns if out.isatty() else None


def text_width(text: str) -> int:
    """Return the columns of *text*, which has passed `safe`."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def padded(text: str, width: int) -> str:
    """Return *text* in exactly *width* columns: with spaces after it, or with an ellipsis for what does not fit."""
    missing = width - text_width(text)
    if missing >= 0:
        return text + " " * missing
    if text.isascii():
        return text[: width - 1] + ELLIPSIS
    from rich.cells import set_cell_size

    # Where a wide character does not fit whole, there is a space.
    return set_cell_size(text, width - 1) + ELLIPSIS


def wrapped(text: str, width: int) -> list[str]:
    """Return *text* in lines of at most *width* columns, unless a word, such as a path, is longer."""
    if text.isascii():
        return wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    from rich.console import Console
    from rich.text import Text

    lines = Text(text).wrap(Console(width=width), width, overflow="ignore")
    return [line.plain.rstrip() for line in lines] or [""]
