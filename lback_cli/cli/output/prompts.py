"""Questions at a terminal."""

import sys

import typer

from lback_cli.errors import UsageError
from lback_cli.text.escaping import safe


def confirm(question: str, *, yes: bool) -> None:
    """Ask the person at the terminal, unless *yes* is the answer already.

    Raises:
        UsageError: There is no terminal.
        typer.Abort: The answer is no.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask for confirmation.", hint="Use --yes.")
    sys.stderr.write(f"{safe(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Abort
