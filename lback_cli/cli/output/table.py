"""The layout of tables."""

from collections.abc import Iterable, Sequence
from itertools import islice
from shutil import get_terminal_size
from typing import Any, TextIO

from lback_cli.cli.output.cells import cell_text
from lback_cli.cli.output.format import Record, field_of
from lback_cli.text.terminal import text_width, wants_color
from lback_cli.text.times import local_time

TIME_FIELDS = frozenset({"time", "created_at", "updated_at", "last_login", "locked_until"})
"""Fields that hold a time in RFC 3339."""

_GAP = "  "
"""What separates the columns."""

_SHORTEST = 8
"""The width to which a column may shrink."""

_RIGID = frozenset({"id", "seq", "time", "signal"})
"""Columns that are shown in full."""

_PAGE = 1000
"""Rows that are laid out together. Columns keep their widths within a page."""


def write_table(out: TextIO, records: Iterable[Record], columns: Sequence[str]) -> None:
    """Write a table with a title for each column, and a line for each record.

    On a terminal that is too narrow, long cells end in an ellipsis, and columns at the right are left out.
    """
    iterator = iter(records)
    while page := list(islice(iterator, _PAGE)):
        rows = [cells_of(record, columns) for record in page]
        titles = map(title_of, columns)
        needed = [max(map(text_width, cells)) for cells in zip(titles, *rows, strict=True)]
        widths = fitted(columns, needed, screen_width(out))
        write_header(out, columns, widths)
        for row in rows:
            write_row(out, columns, row, widths)


def cells_of(record: Record, columns: Sequence[str]) -> list[str]:
    """Return the text of the cells of *record*."""
    return [cell_text(_for_people(column, field_of(record, column))) for column in columns]


def screen_width(out: TextIO) -> int | None:
    """Return the width of the terminal that *out* is, or None if it is none."""
    return get_terminal_size().columns if out.isatty() else None


def fitted(columns: Sequence[str], widths: Sequence[int], limit: int | None) -> list[int]:
    """Return the widths of *columns* that fit in *limit*; fewer than columns if even short cells do not fit.

    Args:
        columns: The columns, the most important first.
        widths: The widths that they need.
        limit: The width of the screen; None for no limit.
    """
    fitting = list(widths)
    while limit is not None and sum(fitting) + len(_GAP) * (len(fitting) - 1) > limit:
        elastic = [i for i, width in enumerate(fitting) if width > _SHORTEST and columns[i] not in _RIGID]
        if elastic:
            fitting[max(elastic, key=fitting.__getitem__)] -= 1
        elif len(fitting) > 1:
            fitting.pop()
        else:
            fitting[0] = limit
    return fitting


def aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the *cells* for which *widths* has a place, padded. Longer cells end in an ellipsis."""
    return [
        cell + " " * (width - text_width(cell)) if text_width(cell) <= width else _cut(cell, width)
        for cell, width in zip(cells, widths, strict=False)
    ]


def write_header(out: TextIO, columns: Sequence[str], widths: Sequence[int]) -> None:
    """Write the titles of *columns*."""
    style = bold if wants_color(out) else str
    out.write(style(_GAP.join(aligned([title_of(column) for column in columns], widths)).rstrip()) + "\n")


def write_row(out: TextIO, columns: Sequence[str], cells: Sequence[str], widths: Sequence[int]) -> None:
    """Write the line of a record. The outcome of a failure is red."""
    padded = aligned(cells, widths)
    if "outcome" in columns[: len(padded)] and wants_color(out):
        index = columns.index("outcome")
        if cells[index] not in {"ok", "unchanged", ""}:
            padded[index] = f"\x1b[31m{padded[index]}\x1b[0m"
    out.write(_GAP.join(padded).rstrip() + "\n")


def title_of(field: str) -> str:
    """Return the title of a field: ``is_email_verified`` becomes ``email verified``."""
    return field.removeprefix("is_").replace("_", " ")


def bold(text: str) -> str:
    """Return *text* in the terminal's bold."""
    return f"\x1b[1m{text}\x1b[0m"


def _cut(cell: str, width: int) -> str:
    """Return the beginning of *cell*, with an ellipsis, in exactly *width* columns."""
    while text_width(cell) > width - 1:
        cell = cell[:-1]
    return f"{cell}…{' ' * (width - 1 - text_width(cell))}"


def _for_people(column: str, value: Any) -> Any:
    """Return a time in the local zone, to the second."""
    return local_time(value) if column in TIME_FIELDS and isinstance(value, str) else value
