"""Questions on a terminal, and never without one."""

import sys

import typer

from lback_cli.errors import UsageError
from lback_cli.text.escaping import safe


def confirm(question: str, *, yes: bool) -> None:
    """Go on only if the person at the terminal agrees, or *yes* says so already.

    Raises `UsageError` without a terminal, and `typer.Abort` when the answer is no.
    """
    if yes:
        return
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask on.", hint="Use --yes.")
    sys.stderr.write(f"{safe(question)} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise typer.Abort
