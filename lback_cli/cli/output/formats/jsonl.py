"""``-o jsonl``: JSON Lines, an object a line."""

from collections.abc import Iterable, Sequence

from lback_cli.cli.output.format import OutputFormat, Record
from lback_cli.cli.output.json_lines import write_json_lines


class JsonLinesFormat(OutputFormat):
    """A JSON object a line."""

    json_errors = True
    nested = True

    def record(self, record: Record) -> None:
        """Write a line."""
        write_json_lines(self.out, [record])

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a line for each record."""
        write_json_lines(self.out, records)
