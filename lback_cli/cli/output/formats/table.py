"""``-o table``: what a person reads at a terminal."""

from collections.abc import Iterable, Sequence
from shutil import get_terminal_size

from lback_cli.cli.output.cells import cell_text
from lback_cli.cli.output.chart import with_bars
from lback_cli.cli.output.findings import finding_lines
from lback_cli.cli.output.format import OutputFormat, Record, columns_of, field_of
from lback_cli.cli.output.table import (
    TIME_FIELDS,
    bold,
    cells_of,
    fitted,
    screen_width,
    title_of,
    write_header,
    write_row,
    write_table,
)
from lback_cli.text.escaping import safe
from lback_cli.text.terminal import text_width, wants_color
from lback_cli.text.times import local_time

_LABEL_COLORS = {"ok": "32", "warn": "33", "FAIL": "1;31", "skipped": "2"}
"""The terminal's codes for the status of a finding: green, yellow, bold and red, dim."""


_USUAL_WIDTHS = {"seq": 6, "time": 25, "signal": 26, "outcome": 18, "subject": 12}
"""The widths with which a stream begins, since its records are not known yet."""


class TableFormat(OutputFormat):
    """Columns with titles; for one record, a line for each field."""

    for_people = True

    def record(self, record: Record) -> None:
        """Write a line for each field that has a value, and more lines for more phrases."""
        record = _lines_of(record)
        titles = [title_of(key) for key in record]
        width = max(map(len, titles))
        style = bold if wants_color(self.out) else str
        for title, value in zip(titles, record.values(), strict=True):
            first, *others = map(cell_text, value or ("",)) if isinstance(value, tuple) else [cell_text(value)]
            self.out.write(f"{style(title.ljust(width))}  {first}".rstrip() + "\n")
            for other in others:
                self.out.write(f"{' ' * width}  {other}\n")

    def records(self, records: Iterable[Record], columns: Sequence[str], *, brief: Sequence[str]) -> None:
        """Write a table of the brief columns."""
        write_table(self.out, records, brief)

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
        width = get_terminal_size().columns if self.out.isatty() else None
        for record in records:
            for label, words in finding_lines(record, width):
                code = _LABEL_COLORS.get(label.rstrip(), "") if wants_color(self.out) else ""
                self.out.write(f"\x1b[{code}m{label}\x1b[0m" if code else label)
                self.out.write(safe(words) + "\n")
            self.out.flush()

    def chart(self, records: Sequence[Record], totals: Record, columns: Sequence[str]) -> None:
        """Write a table with a bar beside each count."""
        super().chart(with_bars(records, columns[1:]), totals, columns)

    def document(self, record: Record, text: Iterable[str]) -> None:
        """Write the text for people."""
        for line in text:
            self.out.write(safe(line) + "\n")


def _lines_of(record: Record) -> Record:
    """Return the fields that have a value, the attributes among them."""
    fields = {name: field_of(record, name) for name in columns_of(record)}
    return {
        name: local_time(value) if name in TIME_FIELDS else value for name, value in fields.items() if value is not None
    }
