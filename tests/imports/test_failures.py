"""Refused rows are grouped by what is wrong with them."""

from typing import Any

from lback_cli.errors import GroupNotFound, UserExists, ValidationError
from lback_cli.imports.failures import Failures
from lback_cli.imports.results import failed
from lback_cli.imports.row import ImportRow


def row(line: int, name: str = "ann", **more: Any) -> ImportRow:
    return ImportRow(line, username=name, email=f"{name}@x.org", **more)


def lines(*outcomes: Any, most: int = 20) -> list[str]:
    failures = Failures()
    for outcome in outcomes:
        failures.add(outcome)
    return list(failures.lines(most))


def test_rows_of_one_reason_are_one_line() -> None:
    missing = GroupNotFound("There is no group 'editors'.", name="editors")
    assert lines(
        *(failed(row(number, f"u{number}"), missing) for number in (2, 3, 4, 7, 9, 11, 13, 15, 17, 19)),
        failed(row(5, "bob"), UserExists("username", "bob")),
        failed(row(6, "cy"), UserExists("username", "cy")),
        failed(row(8, "dee"), UserExists("email", "dee@x.org")),
        failed(row(10), ValidationError("row", "A quote is opened and not closed.")),
    ) == [
        (
            "10 rows: There is no group 'editors' (lines 2-4, 7, 9, 11, 13, 15, ...). "
            "Add --create-groups, or --map-group editors=GROUP for another one."
        ),
        "2 rows: The user name is taken (lines 5-6).",
        "line 8: The e-mail address 'dee@x.org' is taken.",
        "line 10: A quote is opened and not closed.",
    ]


def test_records_of_one_line_are_numbered() -> None:
    error = ValidationError("email", "The account has no e-mail address.")
    assert lines(*(failed(row(1, record=number), error) for number in (1, 2, 4))) == [
        "3 rows: The account has no e-mail address (records 1-2, 4)."
    ]


def test_other_reasons_are_counted() -> None:
    outcomes = [failed(row(number), ValidationError("row", f"reason {number}.")) for number in range(1, 1500)]
    assert lines(*outcomes, most=2) == [
        "line 1: reason 1.",
        "line 2: reason 2.",
        "1,497 more rows were refused for other reasons.",
    ]
