"""``-o json``: one JSON document."""

import json
from collections.abc import Iterable, Sequence

from lback_cli.cli.output.format import OutputFormat, Record
from lback_cli.cli.output.json_lines import write_json_lines


class JsonFormat(OutputFormat):
    """One JSON document: an object, or an array of objects."""

    json_errors = True
    nested = True

    def record(self, record: Record) -> None:
        """Write an object."""
        self.out.write(json.dumps(record, indent=2) + "\n")

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write an array, an object a line."""
        separator = "[\n"
        for record in records:
            self.out.write(f"{separator}  {json.dumps(record)}")
            separator = ",\n"
        self.out.write("[]\n" if separator == "[\n" else "\n]\n")

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write JSON Lines: a document that has no end could not be read."""
        write_json_lines(self.out, records, flush=True)
