"""Standard input while a script runs: the script may come from there, and its lines cannot read it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from lback_cli.errors import UsageError

STDIN = "-"


class NoInput:
    """What `sys.stdin` is for a line of a script: no terminal, and nothing to read."""

    @staticmethod
    def isatty() -> bool:
        """Return that no person can be asked."""
        return False

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse to read."""
        raise UsageError("A line of a script cannot read standard input.", hint="Name a file, as with --password-file.")


@contextmanager
def open_script(path: str) -> Iterator[BinaryIO]:
    """Open the file, or standard input for ``-``, and take standard input away from what runs in the block.

    Raises:
        UsageError: It cannot be opened.
    """
    stdin: Any = sys.stdin
    sys.stdin = NoInput()
    try:
        with _moved() if _descriptor(stdin) == 0 else nullcontext(_buffer(stdin)) as standard_input:
            if path != STDIN:
                with _opened(path) as file:
                    yield file
            elif standard_input is None:
                raise UsageError("Standard input is closed.")
            else:
                yield standard_input
    finally:
        sys.stdin = stdin


def _opened(path: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error


@contextmanager
def _moved() -> Iterator[BinaryIO]:
    """Give standard input another file descriptor for the block, so that ``/dev/stdin`` does not lead to it."""
    kept = os.dup(0)
    directory = os.open("/", os.O_RDONLY)  # a command that opens it as a file fails
    os.dup2(directory, 0)
    os.close(directory)
    try:
        with os.fdopen(kept, "rb", closefd=False) as script:
            yield script
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def _descriptor(stdin: Any) -> int | None:
    try:
        number: int = stdin.fileno()
    except (AttributeError, OSError):  # closed, or no file
        return None
    return number


def _buffer(stdin: Any) -> BinaryIO | None:
    return None if stdin is None else stdin.buffer
