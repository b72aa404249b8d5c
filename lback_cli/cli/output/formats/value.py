"""``-o value``: the values alone, for scripts."""

from collections.abc import Iterable, Sequence

from lback_cli.cli.output.cells import pages_of, program_texts
from lback_cli.cli.output.format import Columns, OutputFormat, Record


class ValueFormat(OutputFormat):
    """A line for each record, its values separated by tabs. A tab or a line end within a value is escaped."""

    def record(self, record: Record) -> None:
        """Write one line."""
        self.records([record], list(record))

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a line for each record."""
        self.pages(pages_of(records, columns), columns)

    def pages(self, pages: Iterable[Columns], columns: Sequence[str]) -> None:
        """Write a line for each record."""
        for page in pages:
            rows = zip(*map(program_texts, page), strict=True)
            self.out.write("\n".join(map("\t".join, rows)) + "\n")
