"""The commands of lback, and the calls of `lback` in lines for a shell."""

import shlex
from collections.abc import Iterator
from typing import Any

_REDIRECTIONS = ("<", ">", ">>")


def commands_below(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every command and group at and below *command*, with the words that call it."""
    yield words, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands_below(below, (*words, name))


def calls_in(line: str) -> Iterator[list[str]]:
    """Yield the arguments of every `lback` in a shell command line, without redirections."""
    words: list[str] = []
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|&<>()")
    lexer.whitespace_split = True
    for word in [*lexer, "&&"]:
        if set(word) & set("|&()"):
            if words[:1] == ["lback"]:
                yield words[1 : next((place for place, word in enumerate(words) if word in _REDIRECTIONS), None)]
            words = []
        else:
            words.append(word)
