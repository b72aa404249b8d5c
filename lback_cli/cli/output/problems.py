"""Errors and warnings on standard error: for people, or as one JSON object a line for programs."""

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from lback_cli.cli.output.width import NARROWEST, screen_width, wrapped_message
from lback_cli.errors import Declined, InvalidFile, LbackError
from lback_cli.problem import Problem
from lback_cli.text.escaping import safe
from lback_cli.text.terminal import wants_color


def write_stderr(text: str) -> None:
    """Write *text* on standard error. That it cannot be written changes nothing about the outcome of a command."""
    with suppress(OSError):
        sys.stderr.write(text)


def show_text(text: str) -> None:
    """Write *text* on standard error, in lines that fit on a terminal."""
    write_stderr("".join(f"{line}\n" for line in text_lines(text)))


def text_lines(text: str, *, indent: int = 0) -> list[str]:
    """Return the lines of *text* on standard error: several only on a terminal, of which *indent* columns are taken."""
    room = (screen_width(sys.stderr) or 0) - indent
    return wrapped_message(safe(text), room) if room >= NARROWEST else [safe(text)]


def show_error(error: LbackError, *, as_json: bool, line: int | None = None) -> None:
    """Show an error and its hint: as one JSON object, or the hint below the error.

    Args:
        error: The error.
        as_json: Whether to show an object.
        line: The number of the line that the error is in, if it is in a script.
    """
    if as_json:
        _write_json("error", error_view(error) | ({} if line is None else {"line": line}))
        return
    if isinstance(error, Declined):
        show_text(error.message)  # what a person decided is not an error
        return
    _write_labelled("error:", "1;31", error.message if line is None else f"line {line}: {error.message}")
    for fault in error.faults if isinstance(error, InvalidFile) else ():
        write_stderr(f"{safe(fault)}\n")
    if error.hint is not None:
        _write_labelled(" " * len("error:"), "", error.hint)


def error_view(error: LbackError) -> dict[str, Any]:
    """Return the fields of an error."""
    faults = {"faults": list(error.faults)} if isinstance(error, InvalidFile) else {}
    return {"code": error.code, "message": error.message, "hint": error.hint, **faults}


def show_warning(problem: Problem, *, as_json: bool) -> None:
    """Show *problem*, as one JSON object or as text."""
    if as_json:
        _write_json("warning", {name: text for name, text in problem._asdict().items() if text is not None})
    else:
        _write_labelled("warning:", "1;33", " ".join(filter(None, problem)))


def _write_json(kind: str, problem: Mapping[str, Any]) -> None:
    write_stderr(json.dumps({kind: problem}) + "\n")


def _write_labelled(label: str, color: str, text: str) -> None:
    """Write *text* after *label*. On a terminal its further lines begin below its first."""
    lines = text_lines(text, indent=len(label) + 1)
    colored = f"\x1b[{color}m{label}\x1b[0m" if color and wants_color(sys.stderr) else label
    rest = "".join(f"{' ' * len(label)} {line}\n" for line in lines[1:])
    write_stderr(f"{colored} {lines[0]}\n{rest}")
