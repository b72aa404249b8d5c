"""A pager for lists that are longer than the terminal."""

import os
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TextIO

from lback_cli.cli.output.width import text_width

DEFAULT = ("less", "-FRX")
"""The pager if the environment names none: it shows colours, and leaves the list on the screen."""

_STYLE = re.compile("\x1b\\[[0-9;]*m")


class Pager:
    """A stream to *terminal*, or to a pager as soon as the text is longer than the screen.

    ``LBACK_PAGER`` or ``PAGER`` names the pager; empty means none. If it cannot be started, the text goes to the
    terminal. A reader who quits the pager ends the block of the context manager, which is not an error.
    """

    def __init__(self, terminal: TextIO) -> None:
        self._terminal = terminal
        self._held = ""
        self._process: subprocess.Popen[str] | None = None
        self._columns, lines = shutil.get_terminal_size()
        self._room = lines - 1  # the shell's prompt needs the last line
        self._decided = False

    @property
    def encoding(self) -> str:
        """The encoding of the terminal."""
        return self._terminal.encoding

    def isatty(self) -> bool:
        """Return true: a person reads on the terminal in either case."""
        return True

    def write(self, text: str) -> int:
        """Write *text*, or hold it as long as it may fit on the screen."""
        if self._decided:
            self._stream.write(text)
        else:
            self._held += text
            if self._rows(self._held) > self._room:
                self._start()
                self._release()
        return len(text)

    def flush(self) -> None:
        """Write what is held: more may come late."""
        self._release()
        self._stream.flush()

    def __enter__(self) -> Self:
        """Return the stream."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        """Wait until the reader has quit the pager."""
        if not self._decided:
            self._release()
        if self._process is None or self._process.stdin is None:
            return False
        try:
            if isinstance(error, KeyboardInterrupt):
                self._process.terminate()  # the pager resets the terminal
            with suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait()
        except KeyboardInterrupt:  # a signal ends this process while it waits
            self._process.terminate()
            self._process.wait()
            raise
        finally:
            signal.signal(signal.SIGINT, self._on_interrupt)
        return isinstance(error, BrokenPipeError)

    @property
    def _stream(self) -> Any:
        return self._terminal if self._process is None else self._process.stdin

    def _rows(self, text: str) -> int:
        """Return the rows that *text* needs on the screen."""
        return sum(-(-text_width(line) // self._columns) or 1 for line in _STYLE.sub("", text).splitlines())

    def _release(self) -> None:
        held, self._held, self._decided = self._held, "", True
        self._stream.write(held)

    def _start(self) -> None:
        words = _command()
        if not words:
            return
        environment = {"LESS": "FRX", "LESSCHARSET": "utf-8"} | os.environ
        with suppress(OSError):
            self._process = subprocess.Popen(  # noqa: S603 - the user's own pager
                words, stdin=subprocess.PIPE, encoding=self.encoding, errors="backslashreplace", env=environment
            )
            # Ctrl-C is for the pager, which would otherwise compete with the shell for the terminal.
            self._on_interrupt: Any = signal.signal(signal.SIGINT, signal.SIG_IGN)


def _command() -> Sequence[str]:
    """Return the command of the pager, or nothing."""
    named = os.environ.get("LBACK_PAGER", os.environ.get("PAGER"))
    if named is None:
        return DEFAULT if shutil.which(DEFAULT[0]) else ()
    with suppress(ValueError):  # a quotation mark is missing
        return shlex.split(named)
    return ()
