"""The layout of tables."""

from collections.abc import Iterable, Sequence
from itertools import islice
from shutil import get_terminal_size
from typing import Any, Literal, TextIO

from lback_cli.cli.output.cells import cell_text
from lback_cli.cli.output.format import Record, field_of
from lback_cli.text.terminal import text_width, wants_color

_GAP = "  "
"""What separates the columns."""

_PAGE = 1000
"""Rows that are laid out together. Columns keep their widths within a page."""


def write_table(out: TextIO, records: Iterable[Record], columns: Sequence[str]) -> None:
    """Write a table with a title for each column. On a terminal that is too narrow, cells wrap."""
    iterator = iter(records)
    while page := list(islice(iterator, _PAGE)):
        _write_page(out, page, columns)


def title_of(field: str) -> str:
    """Return the title of a field: ``is_email_verified`` becomes ``email verified``."""
    return field.removeprefix("is_").replace("_", " ")


def bold(text: str) -> str:
    """Return *text* in the terminal's bold."""
    return f"\x1b[1m{text}\x1b[0m"


def _write_page(out: TextIO, records: Sequence[Record], columns: Sequence[str]) -> None:
    titles = [title_of(column) for column in columns]
    rows = [[cell_text(_shortened(column, field_of(record, column))) for column in columns] for record in records]
    widths = [max(map(text_width, column)) for column in zip(titles, *rows, strict=True)]
    fits = sum(widths) + len(_GAP) * (len(widths) - 1) <= get_terminal_size().columns
    if not out.isatty() or fits:
        style = bold if wants_color(out) else str
        out.write(style(_aligned(titles, widths)) + "\n")
        out.write("".join(_aligned(row, widths) + "\n" for row in rows))
    else:
        _write_wrapped(out, titles, rows)


def _write_wrapped(out: TextIO, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    # Without a colour system nothing is styled, bold included.
    system: Literal["standard"] | None = "standard" if wants_color(out) else None
    Console(file=out, highlight=False, markup=False, color_system=system).print(table)


def _aligned(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = (cell + " " * (width - text_width(cell)) for cell, width in zip(cells, widths, strict=True))
    return _GAP.join(padded).rstrip()


def _shortened(column: str, value: Any) -> Any:
    """Return a time to the second, which is all that a table has room for."""
    return f"{value[:19]}Z" if column == "time" and isinstance(value, str) else value
