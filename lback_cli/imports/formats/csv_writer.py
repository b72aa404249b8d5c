"""Write CSV a page at a time."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from lback_cli.imports.formats.csv_injection import FORMULA_STARTS, escaped
from lback_cli.imports.row import groups_cell


def texts_of(column: Sequence[Any]) -> Sequence[str]:
    """Return values of JSON as text that an import reads: ``true``, ``staff;guests``, and nothing for None."""
    types = set(map(type, column))
    if types == {bool}:
        return ["true" if value else "false" for value in column]
    return column if types == {str} else [_text(value) for value in column]


def csv_rows(columns: Sequence[Sequence[str]]) -> str:
    """Return the rows of *columns* as CSV that no spreadsheet runs as formulas."""
    cells = [_without_formulas(column) for column in columns]
    if len(cells) > 1 and not any(map(_needs_quotes, cells)):
        return "\n".join(map(",".join, zip(*cells, strict=True))) + "\n"  # several times as fast as the library
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(zip(*cells, strict=True))
    return text.getvalue()


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple) and all(isinstance(item, str) for item in value):
        return groups_cell(value)
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _without_formulas(column: Sequence[str]) -> Sequence[str]:
    if {cell[:1] for cell in column}.isdisjoint(FORMULA_STARTS):
        return column
    return [escaped(cell) for cell in column]


def _needs_quotes(column: Sequence[str]) -> bool:
    text = "".join(column)
    return any(character in text for character in '",\r\n')
