"""Complete a command line. The scripts of the shells call this instead of a command."""

import os
import re
import shlex
import sys
from collections.abc import Sequence
from typing import Any

import typer

# Typer's own completion knows neither files nor words with colons; docs/decisions/0019 says more.
from typer._click.shell_completion import _resolve_context, _resolve_incomplete

from lback_cli.cli.app import app
from lback_cli.cli.context import CliContext
from lback_cli.errors import LbackError

NO_WORDS = 1
"""The exit code after which the shell offers the names of files."""

_FILE_METAVARS = ("FILE", "PATH", "PLAN")
_SPECIAL = re.compile(r"[^\w@%+=:,./-]")
_QUOTES = ("'", '"')


def complete() -> int:
    """Write what the line in the environment may go on with, and return the exit code."""
    shell, line = os.environ["_LBACK_COMPLETE"], os.environ.get("_LBACK_LINE", "")
    try:
        words, begun = _words(line)
        offered = _offers(words[1:], begun)
    except (LbackError, typer.TyperException):
        return 0  # an invalid line goes on with nothing
    if offered is None:
        return NO_WORDS
    if shell == "bash":
        offered = _for_bash(offered, begun, line, os.environ.get("_LBACK_BREAKS", ""))
    sys.stdout.writelines(
        f"{value}\t{about}\n" if about and shell != "bash" else f"{value}\n" for value, about in offered
    )
    return 0


def _words(line: str) -> tuple[list[str], str]:
    """Return the complete words of *line*, and the one that is begun at its end, without quotes."""
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # a quote is open
        return words, lexer.token
    return (words, "") if not words or line[-1].isspace() else (words[:-1], words[-1])


def _offers(words: list[str], begun: str) -> list[tuple[str, str]] | None:
    """Return whole words that begin with *begun*, each with its meaning; None for the name of a file."""
    context = _resolve_context(typer.main.get_command(app), {"obj": CliContext()}, "lback", words)
    found, value = _resolve_incomplete(context, words, begun)
    if getattr(found, "metavar", None) in _FILE_METAVARS:
        return None
    if hasattr(found, "commands") and context._protected_args:  # noqa: SLF001 - see above
        return []  # after a word that is not a command
    before = begun[: len(begun) - len(value)]  # as in --output=js
    items: Sequence[Any] = found.shell_complete(context, value)
    return [(before + item.value, " ".join((item.help or "").split())) for item in items]


def _for_bash(offered: Sequence[tuple[str, str]], begun: str, line: str, breaks: str) -> list[tuple[str, str]]:
    """Return *offered* as bash inserts it: quoted, and without the part before a colon, which bash treats as a word."""
    start = 1 + max((begun.rfind(character) for character in ":=@" if character in breaks), default=-1)
    in_quotes = line.rpartition(" ")[2].startswith(_QUOTES)
    quoted = ((value[start:], _SPECIAL.sub(r"\\\g<0>", value[start:])) for value, _ in offered)
    return [(word, "") for rest, word in quoted if not in_quotes or rest == word]
