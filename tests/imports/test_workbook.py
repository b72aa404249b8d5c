"""Excel workbooks: the first sheet is read like a table, and a workbook that asks for too much is refused."""

from collections.abc import Callable, Sequence
from typing import BinaryIO

import pytest

from lback_cli.errors import Unusable, ValidationError
from lback_cli.imports.formats import workbook as workbook_module
from lback_cli.imports.options import ImportOptions

from .harness import World, read_jsonl
from .workbooks import HEAD, TAIL, workbook

XLSX = ImportOptions(format="xlsx", mail="none")
UNREAD = "which lback does not read"
TOO_MUCH = "Reading the workbook takes more than 150 MiB or 60 seconds."


def test_first_sheet_is_read_by_its_rows(world: World) -> None:
    path = workbook(
        world.directory / "staff.xlsx",
        [
            ["Staff of 2026"],
            [],
            [None, "Login", "Mail", "Number", "Active", "Teams", "Name"],
            [None, "ann", "ann@example.org", 7, True, "staff;guests", "=1+1 & <Ann>"],
            [],
            [None, "bob", "bob@example.org", 8.5, False, None, "'Bob"],
            [None, "bad name", "cy@example.org", None, None, None, None],
        ],
        sheets=("Users", "Leavers", "Notes"),
    )
    mapping = tuple(
        zip(
            ("username", "email", "external_id", "is_active", "groups", "display_name"),
            ("Login", "Mail", "Number", "Active", "Teams", "Name"),
            strict=True,
        )
    )
    rejects, report = world.directory / "rejects.csv", world.directory / "report.jsonl"
    options = ImportOptions(
        format="xlsx", mail="none", mapping=mapping, ignored=("all",), skip_lines=2, rejects=rejects, report=report
    )
    result = world.run(path, options)
    assert [(one["line"], one["username"], one["outcome"]) for one in read_jsonl(report)] == [
        (4, "ann", "created"),
        (6, "bob", "created"),
        (7, "bad name", "failed"),
    ]
    assert result.tally.left_out == {"other sheets": 2, "empty rows": 1}
    people = world.people()
    assert (people["ann"][2], people["ann"][4]) == (True, ["basic_user", "guests", "staff"])
    assert people["bob"][2] is False
    with world.database.reading() as session:
        from lback_cli.repositories.unit_of_work import UnitOfWork

        ann, bob = map(UnitOfWork(session).users.find_by_username, ("ann", "bob"))
    assert ann is not None
    assert bob is not None
    assert dict(ann.attributes) == {"external_id": "7", "display_name": "=1+1 & <Ann>"}
    assert dict(bob.attributes) == {"external_id": "8.5", "display_name": "'Bob"}
    lines = rejects.read_text().splitlines()
    assert lines[0] == "username,email,external_id,is_active,groups,display_name,error_code,error"
    assert lines[1].startswith("bad name,cy@example.org,,,,,validation_error,")


@pytest.mark.parametrize("names", [["username", "email"], ["username", None, "email"], [None, "username", "email"]])
def test_title_above_the_names_is_recognised(world: World, names: list[str | None]) -> None:
    person = ["ann" if name == "username" else "ann@example.org" for name in names]
    rows: list[Sequence[str | None]] = [["Staff of 2026"], [], names, person]
    with pytest.raises(ValidationError) as caught:
        world.run(workbook(world.directory / "users.xlsx", rows), XLSX)
    assert caught.value.message == "The file seems to have 2 lines before the names of the columns: add --skip-lines 2."


def test_workbook_is_resumed(world: World) -> None:
    rows = [["username", "email"], ["ann", "ann@example.org"], ["bad name", "x"], ["bob", "bob@example.org"]]
    path = workbook(world.directory / "users.xlsx", rows)
    options = ImportOptions(format="xlsx", mail="none", on_error="stop")
    assert world.run(path, options).state == "stopped"
    assert world.run(path, options, resume=True).counts.created == 2


def repeated(piece: bytes, times: int) -> Callable[[BinaryIO], object]:
    def write(file: BinaryIO) -> None:
        file.write(HEAD)
        file.writelines(piece for _ in range(times))
        file.write(TAIL)

    return write


@pytest.mark.parametrize(
    "content",
    [
        repeated(b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', 1),
        repeated(b'<row><c t="inlineStr"><is><t>x</t></is></c></row>' * 20_000, 300),
        repeated(b'<row r="1"><c r="A1" t="inlineStr"><is><t>' + b"x" * 2**20, 200),
    ],
    ids=["two cells far apart", "six million rows", "a cell of 200 MiB"],
)
def test_workbook_that_asks_for_too_much_is_refused(world: World, content: Callable[[BinaryIO], object]) -> None:
    path = workbook(world.directory / "bomb.xlsx", content=content)
    assert path.stat().st_size < 8 * 2**20
    with pytest.raises(ValidationError) as caught:
        world.run(path, XLSX)
    assert (caught.value.message, caught.value.hint) == (TOO_MUCH, "Save its sheet as CSV, and import that.")
    assert world.jobs() == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "The workbook is encrypted, or an old one (.xls)."),
        (b"username,email\n", "The file is not a workbook."),
        (b"PK\x03\x04" + bytes(500), "The file is not a workbook."),
        (b"", "The file is not a workbook."),
    ],
)
def test_file_that_is_not_a_workbook_is_refused(world: World, content: bytes, message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        world.run(world.write(content, "users.xlsx"), XLSX)
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("extra", "content", "message"),
    [
        (
            "xl/vbaProject.bin",
            None,
            f"The workbook has macros, {UNREAD}: save it without them, as .xlsx.",
        ),
        ("xl/workbook.bin", None, "The workbook is binary (.xlsb): save it as .xlsx."),
        (None, lambda file: file.write(b"<worksheet><sheetData><row>"), "The workbook is damaged."),
        (None, lambda file: file.write(HEAD + TAIL), "The sheet is empty."),
    ],
)
def test_unusual_workbook_is_refused(
    world: World, extra: str | None, content: Callable[[BinaryIO], object] | None, message: str
) -> None:
    path = workbook(world.directory / "users.xlsx", [["username", "email"]], content=content, extra=extra)
    with pytest.raises(ValidationError) as caught:
        world.run(path, XLSX)
    assert caught.value.message == message


def test_missing_library_is_named(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook_module, "find_spec", lambda _: None)
    with pytest.raises(Unusable) as caught:
        world.run(workbook(world.directory / "users.xlsx", [["username", "email"]]), XLSX)
    assert caught.value.hint == "Run: pip install 'lback-cli[xlsx]'"
