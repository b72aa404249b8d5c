"""``-o table``: what a person reads at a terminal."""

from collections.abc import Iterable, Sequence
from typing import Any

from lback_cli.cli.output.cells import cell_text
from lback_cli.cli.output.chart import with_bars
from lback_cli.cli.output.findings import finding_lines
from lback_cli.cli.output.format import OutputFormat, Record
from lback_cli.cli.output.table import (
    TIME_FIELDS,
    bold,
    cells_of,
    fitted,
    title_of,
    write_header,
    write_row,
    write_table,
)
from lback_cli.cli.output.width import screen_width, text_width, wrapped
from lback_cli.text.escaping import safe
from lback_cli.text.terminal import wants_color
from lback_cli.text.times import local_time

_LABEL_COLORS = {"ok": "32", "warn": "33", "FAIL": "1;31", "skipped": "2"}
"""The terminal's codes for the status of a finding: green, yellow, bold and red, dim."""


_NARROWEST = 16
"""If fewer columns are left beside the titles of a record, the terminal wraps the text."""

_USUAL_WIDTHS = {"seq": 6, "time": 25, "signal": 26, "outcome": 18, "subject": 12, "what": 28}
"""The widths with which a stream begins, since its records are not known yet."""


class TableFormat(OutputFormat):
    """Columns with titles; for one record, a line for each field."""

    for_people = True
    brief = True

    def record(self, record: Record) -> None:
        """Write a line for each field that has a value, and more lines for more phrases and for long text."""
        shown = {name: _for_people(name, value) for name, value in record.items() if value is not None}
        titles = [title_of(key) for key in shown]
        width = max(map(len, titles), default=0)
        room = (screen_width(self.out) or 0) - width - 2
        style = bold if wants_color(self.out) else str
        for title, value in zip(titles, shown.values(), strict=True):
            texts = list(map(cell_text, value or ("",))) if isinstance(value, tuple) else [cell_text(value)]
            if room >= _NARROWEST:
                texts = [line for text in texts for line in wrapped(text, room)]
            self.out.write(f"{style(title.ljust(width))}  {texts[0]}".rstrip() + "\n")
            for text in texts[1:]:
                self.out.write(f"{' ' * width}  {text}\n")

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a table that fits on the terminal."""
        write_table(self.out, records, columns, limit=screen_width(self.out))

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a header, and a line for each record. Columns grow when a record needs more room."""
        needed = [max(len(title_of(column)), _USUAL_WIDTHS.get(column, 0)) for column in columns]
        limit = screen_width(self.out)
        write_header(self.out, columns, fitted(columns, needed, limit))
        self.out.flush()
        for record in records:
            cells = cells_of(record, columns)
            needed = [max(width, text_width(cell)) for width, cell in zip(needed, cells, strict=True)]
            write_row(self.out, columns, cells, fitted(columns, needed, limit))
            self.out.flush()

    def findings(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a coloured line for each finding, with its hint below, as soon as it is there."""
        for record in records:
            for label, words in finding_lines(record, screen_width(self.out)):
                code = _LABEL_COLORS.get(label.rstrip(), "") if wants_color(self.out) else ""
                self.out.write(f"\x1b[{code}m{label}\x1b[0m" if code else label)
                self.out.write(words + "\n")
            self.out.flush()

    def chart(self, records: Sequence[Record], totals: Record, columns: Sequence[str]) -> None:
        """Write a table with a bar beside each count."""
        self.records([*with_bars(records, columns[1:]), totals], columns)

    def document(self, record: Record, text: Iterable[str]) -> None:
        """Write the text for people."""
        for line in text:
            self.out.write(safe(line) + "\n")


def _for_people(name: str, value: Any) -> Any:
    return local_time(value) if name in TIME_FIELDS else value
