"""Read users from JSON Lines: one object a line."""

import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn

from lback_cli.batch.json_values import LONGEST_NUMBER, finite, nests_deeply
from lback_cli.batch.mistaken import require_lines
from lback_cli.batch.rows import COLUMNS, IGNORED, LARGEST_RECORD, Row, broken_row, row_of
from lback_cli.errors import ValidationError

_KNOWN = frozenset({*COLUMNS, *IGNORED})


def read_jsonl(file: BinaryIO) -> Iterator[Row]:
    """The rows of *file* with their line numbers; blank lines and a byte order mark are passed over.

    Raises `ValidationError` when the file is something else as a whole.
    """
    number = 0
    while raw := file.readline(LARGEST_RECORD + 1):
        number += 1
        if number == 1:
            raw = raw.removeprefix(b"\xef\xbb\xbf")
            require_lines(raw)
        if len(raw) > LARGEST_RECORD:
            yield broken_row(number, ValidationError("row", f"The line has more than {LARGEST_RECORD} bytes."), raw=raw)
            while not raw.endswith(b"\n") and (raw := file.readline(LARGEST_RECORD)):
                pass
        elif raw.strip():
            yield _row(number, raw)


def _row(number: int, raw: bytes) -> Row:
    problem = None
    try:
        fields = _decoder.decode(raw.decode("utf-8").strip())
        if not isinstance(fields, dict):
            problem = "The line is not a JSON object."
        elif nests_deeply(raw, fields):
            problem = "The line is nested too deeply."
    except UnicodeDecodeError as error:
        problem = f"Byte {error.start + 1} of the line is not UTF-8."
    except RecursionError:
        problem = "The line is nested too deeply."
    except ValueError as error:
        problem = f"The line is not JSON: {error}."
    if problem is not None:
        return broken_row(number, ValidationError("row", problem), raw=raw)
    unknown = next((key for key in fields if key not in _KNOWN), None)
    if unknown is not None:
        hint = f"Keys are {', '.join(COLUMNS)}."
        return broken_row(number, ValidationError("row", f"There is no key {unknown[:80]!r}.", hint=hint), fields)
    return row_of(number, fields)


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key comes twice")
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _integer(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise ValueError(f"a number has {len(digits)} digits")
    return int(digits)


_decoder = json.JSONDecoder(
    object_pairs_hook=_unambiguous, parse_constant=_no_constant, parse_float=finite, parse_int=_integer
)
