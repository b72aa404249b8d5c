"""Read users from JSON Lines: one object a line."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from lback_cli.batch.rows import COLUMNS, IGNORED, LARGEST_FIELD, Row, broken_row, row_of
from lback_cli.errors import ValidationError

LARGEST_LINE = 16 * LARGEST_FIELD
"""Bytes of one line; a longer one is a bad row, and is not held in memory."""


def read_jsonl(file: BinaryIO) -> Iterator[Row]:
    """The rows of *file* with their line numbers; blank lines and a byte order mark are passed over."""
    number = 0
    while raw := file.readline(LARGEST_LINE + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
        if len(raw) > LARGEST_LINE:
            while not raw.endswith(b"\n") and (raw := file.readline(LARGEST_LINE)):
                pass
            yield broken_row(number, ValidationError("row", f"The line has more than {LARGEST_LINE} bytes."))
        elif raw.strip():
            yield _row(number, raw)


def _row(number: int, raw: bytes) -> Row:
    try:
        fields = _decoder.decode(raw.decode("utf-8").strip())
    except UnicodeDecodeError as error:
        return broken_row(number, ValidationError("row", f"Byte {error.start + 1} of the line is not UTF-8."))
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        return broken_row(number, ValidationError("row", f"The line is not JSON: {reason}."))
    if not isinstance(fields, dict):
        return broken_row(number, ValidationError("row", "The line is not a JSON object."))
    unknown = next((key for key in fields if key not in COLUMNS and key not in IGNORED), None)
    if unknown is not None:
        hint = f"Keys are {', '.join(COLUMNS)}."
        error = ValidationError("row", f"There is no key {unknown[:80]!r}.", hint=hint)
        return broken_row(number, error, fields)
    return row_of(number, fields)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key comes twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


_decoder = json.JSONDecoder(object_pairs_hook=_unambiguous, parse_constant=_no_constant)
