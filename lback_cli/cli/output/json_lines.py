"""JSON Lines: an object a line."""

import json
from collections.abc import Iterable
from typing import TextIO

from lback_cli.cli.output.format import Record


def write_json_lines(out: TextIO, records: Iterable[Record], *, flush: bool = False) -> None:
    """Write each record as a line, and flush it if asked to."""
    for record in records:
        out.write(json.dumps(record) + "\n")
        if flush:
            out.flush()
