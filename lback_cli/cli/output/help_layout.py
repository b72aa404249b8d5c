"""The layout of help for a terminal: commands, arguments and options in two columns, and examples to copy."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from shutil import get_terminal_size

from lback_cli.cli.help_page import Entry, Page
from lback_cli.cli.output.table import bold
from lback_cli.cli.output.width import wrapped

MAX_WIDTH = 100
"""Columns that are read with ease."""

_LONGEST_TERM = 27
"""A longer term has a line of its own."""

_NARROWEST_MEANING = 30
"""If fewer columns are left beside the terms, the meaning is below."""

_QUOTED = re.compile(r"`([^`]+)`")


def help_text(page: Page, *, color: bool) -> str:
    """Return the help of a command."""
    width = _width()
    usage, *others = textwrap.wrap(f"Usage: {' '.join(page.words)} {page.usage}", width, subsequent_indent="  ")
    blocks = [[usage.replace("Usage:", _heading("Usage:", color=color), 1), *others]]
    blocks += [_wrapped(paragraph, width) for paragraph in page.description]
    sections: dict[str, Sequence[Entry]] = {
        "Commands": page.commands,
        "Other names": page.aliases,
        "Arguments": page.arguments,
        **(page.options if not page.commands else {}),
    }
    blocks += [
        [_heading(f"{title}:", color=color), *_columns(entries, width)]
        for title, entries in sections.items()
        if entries
    ]
    if page.examples:
        lines = [line for does, call in page.examples.items() for line in (f"  # {does}", f"  {call}")]
        blocks.append([_heading("Examples:", color=color), *lines])
    blocks += [[_heading(f"{title}:", color=color), *_columns(lines, width)] for title, lines in page.notes.items()]
    blocks.append([line for sentence in _pointers(page) for line in _wrapped(sentence, width)])
    return _quoted("\n\n".join("\n".join(block) for block in blocks), color=color)


def entries_text(title: str, entries: Iterable[Entry], *, color: bool) -> str:
    """Return *entries* below a title."""
    return _quoted("\n".join([_heading(f"{title}:", color=color), *_columns(list(entries), _width())]), color=color)


def _pointers(page: Page) -> Iterator[str]:
    words = " ".join(page.words)
    if page.commands:
        yield f"`{words} COMMAND --help` explains a command with examples."
    if len(page.words) == 1:
        yield "`lback help options` and `lback help exit-codes` list what every command shares."
        yield "`lback --version` shows the version."
    else:
        yield "`lback help options` lists the options that every command takes."


def _width() -> int:
    return min(get_terminal_size().columns, MAX_WIDTH)


def _columns(entries: Sequence[Entry], width: int) -> Iterator[str]:
    """Yield the lines of *entries*, each with its meaning at the right, or below a long term."""
    longest = max((len(term) for term, _ in entries if len(term) <= _LONGEST_TERM), default=0)
    start = longest + 4
    beside = width - start >= _NARROWEST_MEANING
    indent = " " * (start if beside else 6)
    for term, meaning in entries:
        first, *others = _wrapped(meaning, width, indent=indent)
        if beside and len(term) <= longest:
            yield f"  {term.ljust(longest)}  {first.lstrip()}".rstrip()
        else:
            yield from _wrapped(term, width, indent="  ")
            yield from [first] if first else []
        yield from others


def _wrapped(text: str, width: int, *, indent: str = "") -> list[str]:
    return [indent + line if line else "" for line in wrapped(text, max(width - len(indent), 1))]


def _heading(text: str, *, color: bool) -> str:
    return bold(text) if color else text


def _quoted(text: str, *, color: bool) -> str:
    """Return *text* with what stands in backticks in bold, or in quotes of the same width."""
    return _QUOTED.sub(lambda found: bold(found[1]) if color else f"'{found[1]}'", text)
