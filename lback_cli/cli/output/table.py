"""The layout of tables."""

from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest
from typing import Any, Final, TextIO

from lback_cli.cli.output.cells import cell_text
from lback_cli.cli.output.format import Record
from lback_cli.cli.output.width import padded, text_width, words_wrapped
from lback_cli.text.terminal import wants_color
from lback_cli.text.times import local_time

TIME_FIELDS: Final = frozenset(
    {
        *("time", "created_at", "updated_at", "last_login", "locked_until", "deleted_at", "kept_until"),
        *("queued_at", "retry_at", "given_up_at", "delivered_at", "since"),
    }
)
"""Fields that hold a time in RFC 3339."""

_GAP = "  "
"""What separates the columns."""

_SHORTEST = 8
"""The width to which a column may shrink."""

_SHORT = 12
"""The width to which other columns shrink before those of times do."""

_SHORTEST_TIME = 17
"""The width to which a time may shrink: that of a date, an hour and a minute with an ellipsis."""

_RIGID = frozenset({"id", "seq", "signal"})
"""Columns that are shown in full."""

_SECONDARY = frozenset({"subject", "actor"})
"""Columns that shrink before the others do, because what happened says more."""

_WRAPPED = frozenset({"when", "last_error", "error"})
"""Columns of sentences, which go on in the next line instead of ending in an ellipsis."""

_SHORT_TITLES = {"is_email_verified": "verified"}
"""Titles that leave more room to other columns."""

PAGE = 1000
"""Rows that are laid out together. Columns keep their widths within a page."""


def write_table(out: TextIO, records: Iterable[Record], columns: Sequence[str], *, limit: int | None) -> None:
    """Write a table with a title for each column, and a line for each record.

    Args:
        out: Where to write.
        records: The records.
        columns: The fields that have a column, the most important first.
        limit: The width of the screen, or None. If it is too small, long cells end in an ellipsis, and columns at the
            right are left out.
    """
    iterator = iter(records)
    while page := list(islice(iterator, PAGE)):
        rows = [cells_of(record, columns) for record in page]
        widths = fitted(columns, _needed(rows, columns), limit)
        write_header(out, columns, widths)
        for row in rows:
            write_row(out, columns, row, widths)


def table_width(records: Iterable[Record], columns: Sequence[str]) -> int:
    """Return the width of a table of *records* in which nothing is shortened."""
    return _total(_needed([cells_of(record, columns) for record in records], columns))


def _needed(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> list[int]:
    return [max(map(text_width, cells)) for cells in zip(titles_of(columns), *rows, strict=True)]


def cells_of(record: Record, columns: Sequence[str]) -> list[str]:
    """Return the text of the cells of *record*."""
    return [cell_text(_for_people(column, record[column])) for column in columns]


def fitted(columns: Sequence[str], widths: Sequence[int], limit: int | None) -> list[int]:
    """Return the widths of *columns* that fit in *limit*; fewer than columns if even short cells do not fit.

    Args:
        columns: The columns, the most important first.
        widths: The widths that they need.
        limit: The width of the screen; None for no limit.
    """
    if limit is None:
        return list(widths)
    least = [min(width, _least(column, _SHORTEST, width)) for column, width in zip(columns, widths, strict=True)]
    count = len(widths)
    while count > 1 and _total(least[:count]) > limit:
        count -= 1
    fitting = list(widths[:count])
    # Texts shrink first, then times, because the end of a time says more than that of a long text.
    needs = list(zip(columns, widths, strict=True))
    _shrink(fitting, [_SHORT if column in _SECONDARY else width for column, width in needs], limit)
    _shrink(fitting, [_least(column, _SHORT, width, time=width) for column, width in needs], limit)
    _shrink(fitting, [_least(column, _SHORT, width) for column, width in needs], limit)
    _shrink(fitting, least, limit)
    # A single column may still not fit. No other can make room for it.
    return fitting if _total(fitting) <= limit else [limit]


def _least(column: str, shortest: int, width: int, *, time: int = _SHORTEST_TIME) -> int:
    """Return the width to which *column*, which needs *width*, may shrink: *shortest*, or *time* if it has times."""
    if column in _RIGID:
        return width
    return time if column in TIME_FIELDS else shortest


def _shrink(widths: list[int], least: Sequence[int], limit: int) -> None:
    """Make the widest of *widths* smaller, down to *least*, until they fit in *limit*."""
    while _total(widths) > limit:
        elastic = [i for i, width in enumerate(widths) if width > least[i]]
        if not elastic:
            return
        widths[max(elastic, key=widths.__getitem__)] -= 1


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def aligned(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    """Return the *cells* for which *widths* has a place, padded. Longer cells end in an ellipsis."""
    return [padded(cell, width) for cell, width in zip(cells, widths, strict=False)]


def write_header(out: TextIO, columns: Sequence[str], widths: Sequence[int]) -> None:
    """Write the titles of *columns*."""
    style = bold if wants_color(out) else str
    out.write(style(_GAP.join(aligned(titles_of(columns), widths)).rstrip()) + "\n")


def write_row(out: TextIO, columns: Sequence[str], cells: Sequence[str], widths: Sequence[int]) -> None:
    """Write the line of a record, or several for long text. The outcome of a failure is red."""
    parts = [
        words_wrapped(cell, width) if column in _WRAPPED and text_width(cell) > width else [cell]
        for column, cell, width in zip(columns, cells, widths, strict=False)
    ]
    for line in zip_longest(*parts, fillvalue=""):
        shown = aligned(line, widths)
        if "outcome" in columns[: len(shown)] and wants_color(out):
            index = columns.index("outcome")
            if line[index] not in {"ok", "unchanged", ""}:
                shown[index] = f"\x1b[31m{shown[index]}\x1b[0m"
        out.write(_GAP.join(shown).rstrip() + "\n")


def titles_of(columns: Sequence[str]) -> list[str]:
    """Return the titles of the *columns* of a table."""
    return list(map(short_title_of, columns))


def short_title_of(field: str) -> str:
    """Return the title of a field in a table of rows: ``is_email_verified`` becomes ``verified``."""
    return _SHORT_TITLES.get(field) or title_of(field)


def title_of(field: str) -> str:
    """Return the title of a field: ``is_email_verified`` becomes ``email verified``."""
    return field.removeprefix("is_").replace("_", " ")


def bold(text: str) -> str:
    """Return *text* in the terminal's bold."""
    return f"\x1b[1m{text}\x1b[0m"


def _for_people(column: str, value: Any) -> Any:
    """Return a time in the local zone, to the second."""
    return local_time(value) if column in TIME_FIELDS and isinstance(value, str) else value
