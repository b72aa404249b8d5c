"""Commands that are shown, to be pasted into a shell."""

import os
import shlex
from collections.abc import Iterable

from lback_cli.text.escaping import first_unsafe_character


def command_line(words: Iterable[str]) -> str:
    r"""*words* for a POSIX shell, as text that `safe` leaves as it is.

    A word that has a character which acts on a terminal, or hides there, is written as ``$'a\x0ab'``, which bash, zsh
    and ksh know.
    """
    return " ".join(map(_quoted, words))


def _quoted(word: str) -> str:
    if first_unsafe_character(word) is None:
        return shlex.quote(word)
    return f"$'{''.join(map(_escaped, word))}'"


def _escaped(character: str) -> str:
    if character in "\\'":
        return f"\\{character}"
    if first_unsafe_character(character) is None:
        return character
    # Of a file name, bytes that are not UTF-8 too.
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
