"""``-o wide``: a table with all fields, not shortened."""

from collections.abc import Iterable, Sequence
from itertools import chain, islice

from lback_cli.cli.output.format import Record
from lback_cli.cli.output.formats.table import TableFormat
from lback_cli.cli.output.table import PAGE, table_width, write_table
from lback_cli.cli.output.width import screen_width


class WideFormat(TableFormat):
    """A table with all fields. If the terminal is too narrow for it, each record has a line for each field."""

    brief = False

    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write a table whose columns are as wide as their longest value, or a block for each record."""
        iterator, limit = iter(records), screen_width(self.out)
        first = list(islice(iterator, PAGE))
        if limit is None or not first or table_width(first, columns) <= limit:
            write_table(self.out, chain(first, iterator), columns, limit=None)
            return
        for number, record in enumerate(chain(first, iterator)):
            self.out.write("\n" if number else "")
            self.record({column: record[column] for column in columns})
