"""Questions at a terminal."""

import getpass
import os
import signal
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Annotated, Literal

import typer

from lback_cli.cli.output.output import Output
from lback_cli.cli.output.problems import show_text, text_lines
from lback_cli.errors import Declined, UsageError, ValidationError

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
IfMissing = Annotated[
    Literal["fail", "skip"],
    typer.Option("--if-missing", help="If it does not exist: fail with exit 5, or skip with exit 0."),
]
IfExists = Annotated[
    Literal["fail", "skip"],
    typer.Option("--if-exists", help="If the name is taken: fail with exit 6, or skip with exit 0."),
]

UNCHANGED = "Nothing was changed."

TRIES = 3
"""How often a person may answer a question that has wrong answers."""


def has_terminal() -> bool:
    """Return whether there is a terminal to ask a person."""
    return sys.stdin is not None and sys.stdin.isatty()


def announce_input(output: Output, what: str) -> None:
    """Say that *what* is read from standard input, if a person has to type it."""
    if has_terminal():
        output.message(f"Type {what}; Ctrl-D ends.")


def confirm(question: str, *, yes: bool) -> None:
    """Ask the person at the terminal, unless *yes* is the answer already.

    Raises:
        UsageError: There is no terminal.
        Declined: The answer is no.
    """
    if not yes and _confirmation(f"{question} [y/N] ", instead="--yes").lower() not in {"y", "yes"}:
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
        given = _confirmation(question, f"Type {what} to confirm: ", instead=f"--confirm={proposed}")
    if given.casefold() not in map(str.casefold, words):
        raise Declined(f"{given[:80]!r} is not {what}, {proposed}. {UNCHANGED}" if given else UNCHANGED)


def ask(label: str, check: Callable[[str], object]) -> str:
    """Ask for a value, again if *check* refuses it, and return the last answer, which may be refused.

    Raises:
        UsageError: There was no answer.
    """
    answer = ""
    for tries_left in reversed(range(TRIES)):
        answer = _answer(f"{label}: ")
        if not answer:
            raise UsageError(f"No {label[0].lower()}{label[1:]} was entered.")
        if not tries_left:
            break
        try:
            check(answer)
        except ValidationError as error:
            show_refusal(error)
        else:
            break
    return answer


def ask_hidden(prompt: str) -> str:
    """Ask for a secret, which the terminal does not show, and return it.

    Raises:
        UsageError: There was no answer, or it is not text.
    """
    try:
        with _hiding_again_after_a_stop(prompt):
            return getpass.getpass(prompt)
    except EOFError as error:
        raise UsageError("No password was entered.") from error
    except UnicodeDecodeError as error:
        raise UsageError("The password is not text in the terminal's encoding.") from error


def show_refusal(error: ValidationError) -> None:
    """Show why an answer is refused, before the question is asked again."""
    say(*filter(None, (error.message, error.hint)))


def say(*lines: str) -> None:
    """Write *lines* above a question."""
    for line in lines:
        show_text(line)


def _confirmation(*question: str, instead: str) -> str:
    if not has_terminal():
        raise UsageError("There is no terminal to ask for confirmation.", hint=f"Use {instead}.")
    return _answer(*question)


def _answer(*question: str) -> str:
    lines = [line for text in question for line in text_lines(text.rstrip())]
    sys.stderr.write("\n".join(lines) + " ")
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line.endswith("\n"):
        sys.stderr.write("\n")  # Ctrl-D leaves the cursor on the line of the question
    return line.strip()


@contextmanager
def _hiding_again_after_a_stop(prompt: str) -> Iterator[None]:
    """Hide what is typed again when the process continues: a shell shows it while a stopped job waits."""

    def hide(_number: int, _frame: FrameType | None) -> None:
        import termios

        with suppress(OSError, termios.error):
            terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
            attributes = termios.tcgetattr(terminal)
            attributes[3] &= ~termios.ECHO
            termios.tcsetattr(terminal, termios.TCSADRAIN, attributes)
            os.write(terminal, prompt.encode())
            os.close(terminal)

    before = signal.signal(signal.SIGCONT, hide)
    try:
        yield
    finally:
        signal.signal(signal.SIGCONT, before)
