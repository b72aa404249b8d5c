"""Read users from JSON Lines: one object on each line."""

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.detection import require_json_lines
from lback_cli.imports.formats.strict_json import JsonError, StrictDecoder
from lback_cli.imports.row import (
    BUILT_IN_COLUMNS,
    LARGEST_RECORD,
    ImportColumns,
    ImportRow,
    broken_row,
    row_of,
)

ATTRIBUTES = "attributes"
"""The key under which results and exports have the attributes that a configuration declares."""


def read_jsonl(file: BinaryIO, known: ImportColumns = BUILT_IN_COLUMNS) -> Iterator[ImportRow]:
    """Yield the rows of *file* with their line numbers; blank lines and a byte order mark are skipped.

    Args:
        file: The file.
        known: The keys that an object may have. Attributes may also be in an object under `ATTRIBUTES`.

    Raises:
        ValidationError: The file as a whole has another format.
    """
    decoder, number = StrictDecoder(), 0
    while raw := file.readline(LARGEST_RECORD + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
            require_json_lines(raw)
        if len(raw) > LARGEST_RECORD:
            yield broken_row(number, ValidationError("row", f"The line has more than {LARGEST_RECORD} bytes."), raw=raw)
            while not raw.endswith(b"\n") and (raw := file.readline(LARGEST_RECORD)):
                pass
        elif raw.strip():
            yield _row(decoder, number, raw, known)


def _row(decoder: StrictDecoder, number: int, raw: bytes, known: ImportColumns) -> ImportRow:
    problem = None
    try:
        fields = decoder.decode(raw.decode("utf-8"))
        if not isinstance(fields, dict):
            problem = "is not a JSON object"
    except UnicodeDecodeError as error:
        return broken_row(number, ValidationError("row", f"Byte {error.start + 1} of the line is not UTF-8."), raw=raw)
    except JsonError as error:
        problem = str(error)
    if problem is not None:
        return broken_row(number, ValidationError("row", f"The line {problem}."), raw=raw)
    nested = fields.get(ATTRIBUTES) or {}
    if not isinstance(nested, dict):
        return broken_row(number, ValidationError(ATTRIBUTES, f"{ATTRIBUTES} must be an object."), fields)
    if (twice := next((key for key in nested if key in fields), None)) is not None:
        return broken_row(number, ValidationError("row", f"The key {twice[:80]!r} comes twice."), fields)
    flat = {key: value for key, value in fields.items() if key != ATTRIBUTES}
    unknown = known.unknown(flat) or next((key for key in nested if key not in known.attributes), None)
    if unknown is not None:
        hint = f"Keys are {', '.join(known.names)}."
        return broken_row(number, ValidationError("row", f"There is no key {unknown[:80]!r}.", hint=hint), fields)
    row = row_of(number, {**flat, **nested}, known)
    row.columns, row.cells = fields.keys(), fields.values()
    return row
