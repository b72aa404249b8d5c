"""Results on stdout in the chosen form; messages and errors on stderr. The only place that knows how output looks."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from shutil import get_terminal_size
from typing import Any, Literal

from lback_cli.errors import LbackError
from lback_cli.text.escaping import safe
from lback_cli.text.terminal import text_width, wants_color

Format = Literal["table", "json", "jsonl", "csv"]
Record = Mapping[str, Any]

BLOCKS = " ▏▎▍▌▋▊▉█"
BAR_LENGTH = 4
"""Cells of the longest bar; with it, five counts of five digits fit into 80 columns beside a date."""

GAP = "  "
"""What is between the columns of a table."""

_LABELS = {"ok": "32", "warn": "33", "FAIL": "1;31", "skipped": "2"}
"""How a terminal shows the status of a finding: green, yellow, bold and red, dim."""

TABLE_PAGE = 1000
"""Rows of a table that are laid out together: columns keep their widths within a page."""


class Output:
    """Writes records in one *form*; *quiet* drops messages that are not errors."""

    def __init__(self, form: Format, *, quiet: bool = False) -> None:
        self.form = form
        self._quiet = quiet

    def record(self, record: Record) -> None:
        """Write one record: a key a line, or one JSON object, or one CSV row under its header.

        A tuple holds phrases, which have a line each where a person reads them.
        """
        if self.form == "json":
            _write(json.dumps(record, indent=2) + "\n")
        elif self.form == "table":
            titles = [_title(key) for key in record]
            width = max(map(len, titles))
            style = _bold if wants_color(sys.stdout) else str
            for title, value in zip(titles, record.values(), strict=True):
                first, *others = map(_cell, value or ("",)) if isinstance(value, tuple) else [_cell(value)]
                _write(f"{style(title.ljust(width))}  {first}".rstrip() + "\n")
                for other in others:
                    _write(f"{' ' * width}  {other}\n")
        else:
            self.records([record], list(record))

    def records(
        self,
        records: Iterable[Record],
        columns: Sequence[str],
        *,
        table: Sequence[str] | None = None,
    ) -> None:
        """Write records as they come; *columns* are those of CSV, and of a table unless *table* names fewer."""
        if self.form == "json":
            _json_array(records)
        elif self.form == "jsonl":
            _json_lines(records)
        elif self.form == "csv":
            _csv(records, columns)
        else:
            _table(records, table or columns)

    def findings(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write what checks found, each as soon as it is there: for a person a line for it, and what to do below."""
        if self.form != "table":
            self.records(records, columns)
            return
        from lback_cli.cli.output.findings import finding_lines

        width = get_terminal_size().columns if sys.stdout.isatty() else None
        for record in records:
            for label, words in finding_lines(record, width):
                code = _LABELS.get(label.rstrip(), "") if wants_color(sys.stdout) else ""
                _write(f"\x1b[{code}m{label}\x1b[0m" if code else label)
                _write(safe(words) + "\n")
            sys.stdout.flush()

    def lines(self, records: Iterable[Record]) -> None:
        """Write JSON Lines, whatever the form: for data that has no other."""
        _json_lines(records)

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write records that come one by one, each as soon as it is there: as JSON Lines, or as words in columns."""
        for record in records:
            if self.form == "table":
                _write("  ".join(_cell(record[column]) or "-" for column in columns) + "\n")
            else:
                _json_lines([record])
            sys.stdout.flush()

    def chart(self, records: Sequence[Record], *, label: str, kinds: Sequence[str]) -> None:
        """Write counts, with a bar for each where a person is to see them, and totals below."""
        totals = {label: "total", **{kind: sum(record[kind] for record in records) for kind in kinds}}
        if self.form != "table":
            self.records([*records, totals], (label, *kinds))
            return
        self.records([*map(_barred(records, kinds), records), totals], (label, *kinds))

    def document(self, record: Record, text: Iterable[str]) -> None:
        """Write one record, as lines of *text* where a person is to read it."""
        if self.form != "table":
            self.record(record)
            return
        for line in text:
            _write(safe(line) + "\n")

    def text(self, pieces: Iterable[str]) -> None:
        """Write what has its form already."""
        for piece in pieces:
            _write(piece)

    def message(self, text: str) -> None:
        """Tell the person at the terminal something that is no result."""
        if not self._quiet:
            self.warning(text)

    def warning(self, text: str) -> None:
        """Tell the person at the terminal something that matters even when quiet."""
        write_stderr(safe(text) + "\n")


def write_stderr(text: str) -> None:
    """Write *text* on stderr. That nobody can read it changes nothing about what was done."""
    with suppress(OSError):
        sys.stderr.write(text)


def show_error(error: LbackError, *, as_json: bool) -> None:
    """Say on stderr what went wrong and what to do: as one JSON object, or in a line or two."""
    message = error.message if error.hint is None else f"{error.message} {error.hint}"
    if as_json:
        write_stderr(json.dumps({"error": {"code": error.code, "message": message}}) + "\n")
        return
    label = _red("error:") if wants_color(sys.stderr) else "error:"
    write_stderr(f"{label} {safe(error.message)}\n")
    if error.hint is not None:
        write_stderr(f"       {safe(error.hint)}\n")


def _write(text: str) -> None:
    sys.stdout.write(text)


def _json_array(records: Iterable[Record]) -> None:
    separator = "[\n"
    for record in records:
        _write(f"{separator}  {json.dumps(record)}")
        separator = ",\n"
    _write("[]\n" if separator == "[\n" else "\n]\n")


def _json_lines(records: Iterable[Record]) -> None:
    for record in records:
        _write(json.dumps(record) + "\n")


def _csv(records: Iterable[Record], columns: Sequence[str]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    for record in records:
        writer.writerow([_unformulated(_cell(record[column])) for column in columns])


def _unformulated(text: str) -> str:
    """*text*, free of control characters, such that a spreadsheet does not run it as a formula (ASVS 1.2.10)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "'")) else text


def _table(records: Iterable[Record], columns: Sequence[str]) -> None:
    iterator = iter(records)
    while page := list(islice(iterator, TABLE_PAGE)):
        _table_page(page, columns)


def _table_page(records: Sequence[Record], columns: Sequence[str]) -> None:
    titles = [_title(column) for column in columns]
    rows = [[_cell(_shortened(column, record[column])) for column in columns] for record in records]
    widths = [max(map(text_width, column)) for column in zip(titles, *rows, strict=True)]
    fits = sum(widths) + len(GAP) * (len(widths) - 1) <= get_terminal_size().columns
    if not sys.stdout.isatty() or fits:
        style = _bold if wants_color(sys.stdout) else str
        _write(style(_aligned(titles, widths)) + "\n")
        _write("".join(_aligned(row, widths) + "\n" for row in rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, len(GAP), 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    # Without a colour system nothing is styled, bold included.
    system: Literal["standard"] | None = "standard" if wants_color(sys.stdout) else None
    Console(file=sys.stdout, highlight=False, markup=False, color_system=system).print(table)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - text_width(cell)) for cell, width in zip(cells, widths, strict=True))
    return GAP.join(padded).rstrip()


def _shortened(column: str, value: Any) -> Any:
    """A time to the second: what a table has room for; every other form has all of it."""
    return f"{value[:19]}Z" if column == "time" and isinstance(value, str) else value


def _title(column: str) -> str:
    return column.removeprefix("is_").replace("_", " ")


def _barred(records: Sequence[Record], kinds: Sequence[str]) -> Callable[[Record], Record]:
    """A function that puts a bar behind each count of a record, as long as the count is among those of its kind."""
    highest = {kind: max((record[kind] for record in records), default=0) for kind in kinds}
    digits = {kind: len(str(most)) for kind, most in highest.items()}

    def barred(record: Record) -> Record:
        parts = {kind: record[kind] / (highest[kind] or 1) for kind in kinds}
        bars = {kind: f"{record[kind]:>{digits[kind]}} {_bar(parts[kind])}".rstrip() for kind in kinds}
        return {**record, **bars}

    return barred


def _bar(part: float) -> str:
    """A bar as long as *part*, from 0 to 1, of the longest; never invisible while there is something to see."""
    eighths = round(part * BAR_LENGTH * 8) or (part > 0)
    return BLOCKS[-1] * (eighths // 8) + BLOCKS[eighths % 8].strip()


def _cell(value: Any) -> str:
    return safe(_plain(value))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


def _bold(text: str) -> str:
    return f"\x1b[1m{text}\x1b[0m"


def _red(text: str) -> str:
    return f"\x1b[1;31m{text}\x1b[0m"
