"""Quote commands that a user can paste into a shell."""

import os
import shlex
from collections.abc import Iterable

from lback_cli.text.escaping import first_unsafe_character


def command_line(words: Iterable[str]) -> str:
    r"""Return *words* quoted for a POSIX shell, as text that `safe` does not change.

    A word with a character that `safe` would escape is written as ``$'a\x0ab'``, which bash, zsh and ksh understand.
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
    # os.fsencode also restores the bytes of a file name that is not UTF-8.
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))
