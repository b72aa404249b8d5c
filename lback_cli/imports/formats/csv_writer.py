"""Write CSV a page at a time."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from types import NoneType
from typing import Any

from lback_cli.imports.formats.csv_injection import FORMULA_STARTS, escaped
from lback_cli.imports.formats.groups_cell import groups_cell

PRINTABLE = bytes(range(ord(" "), ord("~") + 1))
"""The printable characters of ASCII."""

_PLAIN = PRINTABLE.translate(None, b'",') + b"\n"
_FORMULA = re.compile(f"\n[{re.escape(''.join(FORMULA_STARTS))}]")


def texts_of(column: Sequence[Any]) -> Sequence[str]:
    """Return values of JSON as text that an import reads: ``true``, ``staff;guests``, and nothing for None."""
    types = set(map(type, column))
    if types == {str}:
        return column
    if types <= {str, NoneType}:
        return [text or "" for text in column]
    if types == {bool}:
        return ["true" if value else "false" for value in column]
    if types <= {list, dict}:
        # Users in the same groups share the list of their names, and users without a mark share a mapping.
        known = {id(value): value for value in column}
        texts = {number: _text(value) for number, value in known.items()}
        return [texts[id(value)] for value in column]
    return list(map(str if types == {int} else _text, column))


def csv_rows(columns: Sequence[Sequence[str]], *, shown: Callable[[Sequence[str]], Sequence[str]] | None = None) -> str:
    """Return the rows of *columns* as CSV that no spreadsheet runs as formulas.

    Args:
        columns: The texts of each column.
        shown: Returns a column as it is shown, if that is another one. It changes no printable character of ASCII.
    """
    if len(columns) > 1 and all(map(_is_plain, columns)):
        return "\n".join(map(",".join, zip(*columns, strict=True))) + "\n"  # several times as fast as the library
    if shown is not None:
        columns = list(map(shown, columns))
    text = io.StringIO()
    cells = [list(map(escaped, column)) for column in columns]
    csv.writer(text, lineterminator="\n").writerows(zip(*cells, strict=True))
    return text.getvalue()


def has_only(characters: bytes, text: str) -> bool:
    """Return whether *text* consists of these ASCII characters."""
    return text.isascii() and not text.encode().translate(None, characters)


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return groups_cell(value)
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _is_plain(column: Sequence[str]) -> bool:
    """Return whether no cell needs quotes or is a formula. None has a line end, so one can separate them."""
    text = "\n".join(column)
    return (
        has_only(_PLAIN, text)
        and text.count("\n") == len(column) - 1
        and not column[0].startswith(FORMULA_STARTS)
        and _FORMULA.search(text) is None
    )
