"""``-o csv``: a header, and a row for each record."""

import csv
from collections.abc import Iterable, Sequence

from lback_cli.cli.output.cells import cell_text
from lback_cli.cli.output.format import OutputFormat, Record, columns_of, field_of
from lback_cli.cli.output.json_lines import write_json_lines
from lback_cli.imports.formats.csv_injection import escaped


class CsvFormat(OutputFormat):
    """Comma-separated values, which no spreadsheet runs as formulas."""

    def record(self, record: Record) -> None:
        """Write a header and one row."""
        self.records([record], columns_of(record), brief=())

    def records(self, records: Iterable[Record], columns: Sequence[str], *, brief: Sequence[str]) -> None:
        """Write a header, even if no row follows, and the rows."""
        writer = csv.writer(self.out, lineterminator="\n")
        writer.writerow(columns)
        for record in records:
            writer.writerow([escaped(cell_text(field_of(record, column))) for column in columns])

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write JSON Lines, which have a place for everything in an event."""
        write_json_lines(self.out, records, flush=True)
