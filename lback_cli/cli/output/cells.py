"""Values as the text of a cell: for people, and for programs."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from lback_cli.cli.output.format import Columns, Record
from lback_cli.imports.formats.csv_writer import PRINTABLE, has_only, texts_of
from lback_cli.text.escaping import safe

_PAGE = 500
"""Records that are converted together."""


def cell_text(value: Any) -> str:
    """Return *value* in one line for people, without characters that a terminal would act on."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return safe(", ".join(map(str, value)))
    if isinstance(value, dict):
        return safe(json.dumps(value, ensure_ascii=False))
    return "" if value is None else safe(str(value))


def pages_of(records: Iterable[Record], columns: Sequence[str]) -> Iterator[Columns]:
    """Yield *records* as columns, a page at a time."""
    iterator = iter(records)
    while page := list(islice(iterator, _PAGE)):
        yield [[record[column] for record in page] for column in columns]


def program_texts(column: Sequence[Any]) -> Sequence[str]:
    """Return the values of a column as text for programs, as an export writes them, without control characters."""
    return safe_texts(texts_of(column))


def safe_texts(texts: Sequence[str]) -> Sequence[str]:
    """Return *texts* without control characters."""
    return texts if has_only(PRINTABLE, "".join(texts)) else [safe(text) for text in texts]
