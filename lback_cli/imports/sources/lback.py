"""Read exports of lback itself."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.imports.columns import ColumnChoice
from lback_cli.imports.formats.csv_reader import read_csv
from lback_cli.imports.formats.jsonl_reader import read_jsonl
from lback_cli.imports.row import ImportRow
from lback_cli.imports.sources.base import SourceFormat

_START = 64  # bytes to recognize the format by


class Lback(SourceFormat):
    """An export of lback: JSON Lines if it begins with a brace, else CSV."""

    name = "lback"
    description = "lback: lback user export --with-hashes, CSV or JSON Lines"
    needs_email_domain = False

    def read(self, file: BinaryIO) -> Iterator[ImportRow]:
        """Yield a row for each user."""
        position = file.tell()
        start = file.read(_START).removeprefix(codecs.BOM_UTF8).lstrip()
        file.seek(position)
        return (read_jsonl if start.startswith(b"{") else read_csv)(file, ColumnChoice(self.columns))
