"""The width of text on a terminal."""

import re
from shutil import get_terminal_size
from textwrap import wrap
from typing import TextIO

from lback_cli.text.escaping import ELLIPSIS

NARROWEST = 20
"""If there are fewer columns for a text, the terminal wraps it."""

_WHOLE = re.compile(r"(?<![\w'])'[^']+'(?![\w'])|`[^`]+`|--[a-z-]+ (?=[A-Z]{2}|\S+=|skip\b|update\b)")
"""A phrase in quotes, such as a command or a path, or an option with its value. An apostrophe begins no quote."""

_COMMAND_AT_END = re.compile(r"(.*\b(?:[Rr]un|with):) (.*[^.])|(.*:) ((?:lback|\(umask) .*[^.])")
"""A text that ends in a command, after a colon."""

_JOINT = "\ue000"
"""Stands for a space where a line must not end. It is a private character, which `safe` escapes."""


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
    """Return *text*, which has passed `safe`, in lines of at most *width* columns.

    What a person may copy stays on one line, even if it is longer: a word, such as a path, a phrase in quotes,
    and an option with its value.
    """
    whole = _WHOLE.sub(lambda found: found[0].replace(" ", _JOINT), text)
    return [line.replace(_JOINT, " ") for line in words_wrapped(whole, width)]


def wrapped_message(text: str, width: int) -> list[str]:
    """Return a message in lines as `wrapped` does. A command at its end has a line of its own, to be copied whole."""
    lines = wrapped(text, width)
    if len(lines) > 1 and (match := _COMMAND_AT_END.fullmatch(text)):
        before, command = filter(None, match.groups())
        return [*wrapped(before, width), command]
    return lines


def words_wrapped(text: str, width: int) -> list[str]:
    """Return *text* in lines of at most *width* columns, unless a word, such as a path, is longer."""
    if text.replace(_JOINT, " ").isascii():
        return wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
    if text_width(text) <= width:
        return [text]
    lines: list[str] = []
    for word in text.split():
        if lines and text_width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines or [""]
