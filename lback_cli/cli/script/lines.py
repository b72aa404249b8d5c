"""The lines of a script, and the words of a line."""

import shlex
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from lback_cli.errors import UsageError

LIMIT = 1024 * 1024
"""Bytes that a line must not reach."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ScriptLine(NamedTuple):
    """A line that is neither blank nor a comment: its number from 1, and the words of its command or the error."""

    number: int
    words: list[str]
    error: UsageError | None = None


def read_lines(file: BinaryIO) -> Iterator[ScriptLine]:
    """Yield the lines of *file*, each as soon as it is there."""
    number = 0
    while raw := file.readline(LIMIT):
        number += 1
        if len(raw) == LIMIT:
            _skip_rest(file, raw)
            yield ScriptLine(number, [], UsageError(f"The line has {LIMIT} bytes or more.", hint="Split it."))
            continue
        if number == 1:
            raw = raw.removeprefix(_BYTE_ORDER_MARK)
        line = _parsed(number, raw.rstrip(b"\r\n").decode("utf-8", "surrogateescape"))  # as Python decodes arguments
        if line.words or line.error:
            yield line


def _skip_rest(file: BinaryIO, raw: bytes) -> None:
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(LIMIT)


def _parsed(number: int, text: str) -> ScriptLine:
    try:
        words = shlex.split(text, comments=True)
    except ValueError as error:
        problem = str(error)[:1].lower() + str(error)[1:]
        return ScriptLine(number, [], UsageError(f"The line cannot be split into words: {problem}."))
    return ScriptLine(number, words)
