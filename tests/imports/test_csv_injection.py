"""No cell of a CSV file that lback writes is a formula for a spreadsheet (ASVS 1.2.10; OWASP, CSV Injection)."""

import csv
from typing import Any

import pytest

from lback_cli.imports.formats.csv_injection import escaped, unescaped

FORMULAS = ["=1+1", "+1+1", "-1+1", "@SUM(A1)", "\t=1+1", "\r=1+1", "\0=1+1", "'=1+1"]
"""A cell for each character that OWASP or ASVS 1.2.10 lists, and one that begins like an escaped cell."""


@pytest.mark.parametrize("cell", FORMULAS)
def test_formula_is_escaped(cell: str) -> None:
    assert escaped(cell) == f"'{cell}"
    assert unescaped(f"'{cell}") == cell


@pytest.mark.parametrize("formula", ["=HYPERLINK(A1)", "+1+1", "-1+1", "@SUM(A1)"])
def test_formula_in_the_text_of_an_unreadable_row_is_escaped(lback: Any, formula: str) -> None:
    """A row with too many fields is unreadable, so the rejects have its text in one cell."""
    rows, rejects = lback.directory / "rows.csv", lback.directory / "rejects.csv"
    rows.write_text(f"username,email\n{formula},bob@example.org,extra\n")

    result = lback("user", "import", str(rows), "--mail", "none", "--rejects", str(rejects))

    assert result.status == 8
    with rejects.open(newline="") as file:
        (reject,) = csv.DictReader(file)
    assert reject["username"] == f"'{formula},bob@example.org,extra"
