"""Read users from an export of lback's own."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.imports.formats.csv_reader import read_csv
from lback_cli.imports.formats.jsonl_reader import read_jsonl
from lback_cli.imports.row import Row

_ENOUGH = 64


def read(file: BinaryIO) -> Iterator[Row]:
    """The rows of *file*, which must be seekable: JSON Lines if it begins with a brace, else CSV."""
    position = file.tell()
    start = file.read(_ENOUGH).removeprefix(codecs.BOM_UTF8).lstrip()
    file.seek(position)
    return (read_jsonl if start.startswith(b"{") else read_csv)(file)
