"""``-o yaml``: a YAML document, whose text stays text in every reader."""

from collections.abc import Iterable, Sequence

from lback_cli.cli.output.format import OutputFormat, Record
from lback_cli.text.yaml_text import dump_yaml


class YamlFormat(OutputFormat):
    """A mapping, or a sequence of mappings; a document for each record of a stream."""

    json_errors = True  # a JSON object is YAML too
    nested = True

    def record(self, record: Record) -> None:
        """Write a mapping."""
        self.out.write(dump_yaml(dict(record)))

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a sequence, a mapping at a time."""
        empty = True
        for record in records:
            self.out.write(dump_yaml([dict(record)]))
            empty = False
        if empty:
            self.out.write("[]\n")

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a document for each record."""
        for record in records:
            self.out.write(f"---\n{dump_yaml(dict(record))}")
            self.out.flush()
