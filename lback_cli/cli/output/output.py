"""Results on standard output in the chosen format; messages and errors on standard error."""

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

from lback_cli.cli.output.format import OutputFormat, Record
from lback_cli.cli.output.json_lines import write_json_lines
from lback_cli.errors import Declined, LbackError
from lback_cli.problem import Problem
from lback_cli.text.escaping import safe
from lback_cli.text.terminal import wants_color


class Output:
    """Writes the results and messages of a command.

    Attributes:
        name: The name of the output format.
        format: The output format.
    """

    def __init__(self, name: str, format: OutputFormat, *, quiet: bool = False) -> None:  # noqa: A002 - its name
        """Write results in *format*. *quiet* drops messages that are neither warnings nor errors."""
        self.name = name
        self.format = format
        self._quiet = quiet

    def record(self, record: Record) -> None:
        """Write the one result."""
        self.format.record(record)

    def records(self, records: Iterable[Record], columns: Sequence[str], *, brief: Sequence[str] | None = None) -> None:
        """Write any number of results. *columns* are their fields, *brief* those that fit on a screen."""
        self.format.records(records, columns, brief=columns if brief is None else brief)

    def findings(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write the findings of checks."""
        self.format.findings(records, columns)

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write results that arrive one by one, each at once."""
        self.format.stream(records, columns)

    def chart(self, records: Sequence[Record], *, label: str, kinds: Sequence[str]) -> None:
        """Write counts of several *kinds* with their totals. *label* is the field that names a record."""
        totals = {label: "total", **{kind: sum(record[kind] for record in records) for kind in kinds}}
        self.format.chart(records, totals, (label, *kinds))

    def document(self, record: Record, text: Iterable[str]) -> None:
        """Write one result, of which *text* is the wording for people."""
        self.format.document(record, text)

    def json_lines(self, records: Iterable[Record]) -> None:
        """Write JSON Lines in every format, for data that has no other form."""
        write_json_lines(self.format.out, records)

    def text(self, pieces: Iterable[str]) -> None:
        """Write text that has its form already."""
        for piece in pieces:
            self.format.out.write(piece)

    def message(self, text: str) -> None:
        """Show a message, unless the output is quiet."""
        if not self._quiet:
            self.warning(text)

    def warning(self, text: str) -> None:
        """Show a message even if the output is quiet."""
        write_stderr(safe(text) + "\n")


def write_stderr(text: str) -> None:
    """Write *text* on standard error. That it cannot be written changes nothing about the outcome of a command."""
    with suppress(OSError):
        sys.stderr.write(text)


def show_error(error: LbackError, *, as_json: bool) -> None:
    """Show an error and its hint on standard error, as one JSON object or in a line each."""
    message = error.message if error.hint is None else f"{error.message} {error.hint}"
    if as_json:
        write_stderr(json.dumps({"error": {"code": error.code, "message": message}}) + "\n")
        return
    if isinstance(error, Declined):
        write_stderr(f"{safe(error.message)}\n")  # the decision of a person is not an error
        return
    label = "\x1b[1;31merror:\x1b[0m" if wants_color(sys.stderr) else "error:"
    write_stderr(f"{label} {safe(error.message)}\n")
    if error.hint is not None:
        write_stderr(f"       {safe(error.hint)}\n")


def show_warning(problem: Problem, *, as_json: bool) -> None:
    """Show *problem* on standard error, as one JSON object or in one line."""
    if as_json:
        write_stderr(json.dumps({"warning": {"message": problem.message, "hint": problem.hint}}) + "\n")
    else:
        write_stderr(f"warning: {safe(' '.join(filter(None, problem)))}\n")
