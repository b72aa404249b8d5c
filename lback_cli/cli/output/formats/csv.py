"""``-o csv``: a header, and a row for each record."""

from collections.abc import Iterable, Sequence

from lback_cli.cli.output.cells import pages_of, safe_texts
from lback_cli.cli.output.format import Columns, OutputFormat, Record
from lback_cli.cli.output.json_lines import write_json_lines
from lback_cli.imports.formats.csv_writer import csv_rows, texts_of


class CsvFormat(OutputFormat):
    """Comma-separated values, which no spreadsheet runs as formulas."""

    def record(self, record: Record) -> None:
        """Write a header and one row."""
        self.records([record], list(record))

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a header, even if no row follows, and the rows."""
        self.pages(pages_of(records, columns), columns)

    def pages(self, pages: Iterable[Columns], columns: Sequence[str]) -> None:
        """Write a header, even if no row follows, and the rows."""
        self.out.write(csv_rows([[column] for column in columns]))
        for page in pages:
            self.out.write(csv_rows(list(map(texts_of, page)), shown=safe_texts))

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write JSON Lines, which have a place for everything in an event."""
        write_json_lines(self.out, records, flush=True)
