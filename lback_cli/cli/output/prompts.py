"""Questions at a terminal."""

import sys
from collections.abc import Collection
from typing import Annotated, Literal

import typer

from lback_cli.errors import Declined, UsageError
from lback_cli.text.escaping import safe

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]

IfMissing = Annotated[
    Literal["fail", "skip"],
    typer.Option("--if-missing", help="If there is none: fail with exit 5, or skip with exit 0."),
]

IfExists = Annotated[
    Literal["fail", "skip"],
    typer.Option("--if-exists", help="If the name is taken: fail with exit 6, or skip with exit 0."),
]

UNCHANGED = "Nothing was changed."


def confirm(question: str, *, yes: bool) -> None:
    """Ask the person at the terminal, unless *yes* is the answer already.

    Raises:
        UsageError: There is no terminal.
        Declined: The answer is no.
    """
    if not yes and _answer(f"{question} [y/N] ", instead="--yes").lower() not in {"y", "yes"}:
        raise Declined(UNCHANGED)


def confirm_severe(question: str, what: str, words: Collection[str], *, given: str | None) -> None:
    """Ask the person at the terminal to type one of *words*, unless it is *given* already.

    Args:
        question: What is to be confirmed.
        what: What the first of the words is, such as "the user name".
        words: The words that confirm it, the one to propose first.
        given: The value of ``--confirm``.

    Raises:
        UsageError: There is no terminal.
        Declined: The word is not one of *words*.
    """
    proposed = next(iter(words))
    if given is None:
        given = _answer(question, f"Type {what} to confirm: ", instead=f"--confirm={proposed}")
    if given.casefold() not in map(str.casefold, words):
        raise Declined(f"{given[:80]!r} is not {what}. {UNCHANGED}" if given else UNCHANGED)


def _answer(*question: str, instead: str) -> str:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for confirmation.", hint=f"Use {instead}.")
    sys.stderr.write("\n".join(map(safe, question)))
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        sys.stderr.write("\n")  # Ctrl-D leaves the cursor on the line of the question
    return line.strip()
