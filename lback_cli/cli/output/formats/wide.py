"""``-o wide``: a table with all fields, not shortened."""

from collections.abc import Iterable, Sequence

from lback_cli.cli.output.format import Record
from lback_cli.cli.output.formats.table import TableFormat
from lback_cli.cli.output.table import write_table


class WideFormat(TableFormat):
    """A table with all fields. The terminal wraps its lines."""

    brief = False

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a table whose columns are as wide as their longest value."""
        write_table(self.out, records, columns, limit=None)
