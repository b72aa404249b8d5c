"""Files of another format than expected are refused as a whole, with the options that would let them in."""

import random

import pytest

from lback_cli.errors import ValidationError
from lback_cli.imports.options import ImportOptions

from .harness import World

LINES = "username,email\r\nann,ann@example.org\r\n"
OBJECT = '{"username": "ann", "email": "ann@example.org"}'
NAMES = "username;email\nann;ann@example.org\nbob;bob@example.org\n"
RANDOM = random.Random(7).randbytes(5000)
GUESS = "--guess accepts that, and --inspect shows what it would read."


def looks_like(what: str, options: str, reason: str = "") -> tuple[str, str]:
    return f"{reason}The file seems to have {what}: add {options}.", GUESS


LINE_4 = "Line 4 is not UTF-8. "
SEMICOLONS = looks_like("semicolons", "--delimiter ';'")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("username;email;password\nann;ann@example.org;\n", SEMICOLONS),
        ('"username";"email"\n"ann";"ann@example.org"\n', SEMICOLONS),
        ("\ufeffBenutzername;E-Mail\nann;ann@example.org\n", SEMICOLONS),
        ("username\temail\nann\tann@example.org\n", looks_like("tabs", "--delimiter tab")),
        (
            "sep=;\nusername;email\n",
            looks_like("semicolons and a line before the names of the columns", "--delimiter ';' --skip-lines 1"),
        ),
        ("sep=,\r\nusername,email\r\n", looks_like("a line before the names of the columns", "--skip-lines 1")),
        (
            "Users of Example, Inc.\n\nLogin,E-Mail,Name\nann,ann@example.org,Ann\n",
            looks_like("2 lines before the names of the columns", "--skip-lines 2"),
        ),
        (LINES.encode("utf-16"), looks_like("the encoding UTF-16", "--encoding utf-16")),
        (LINES.encode("utf-16-le"), looks_like("the encoding UTF-16-LE", "--encoding utf-16-le")),
        (LINES.encode("utf-16-be"), looks_like("the encoding UTF-16-BE", "--encoding utf-16-be")),
        (
            f"{LINES}zoé,zoe@example.org\r\n".encode("utf-16-le"),
            looks_like("the encoding UTF-16-LE", "--encoding utf-16-le"),
        ),
        (
            "логин;почта\nлилия;ada@example.org\n".encode("utf-16-le"),
            looks_like("semicolons and the encoding UTF-16-LE", "--delimiter ';' --encoding utf-16-le"),
        ),
        (
            "用户名,邮箱\nada,ada@example.org\n".encode("utf-16-be"),
            looks_like("the encoding UTF-16-BE", "--encoding utf-16-be"),
        ),
        (
            f"{LINES}zoé,zoe@example.org\r\n".encode("utf-16-le").decode("latin-1"),
            (
                "The file looks as if UTF-16 was read as ISO 8859-1.",
                "An earlier program did that: export the file again, as UTF-8.",
            ),
        ),
        (LINES.encode("utf-32"), looks_like("the encoding UTF-32", "--encoding utf-32")),
        (
            f"{NAMES}zoé;zoe@example.org\n".encode("cp1252"),
            looks_like("semicolons and the encoding Windows-1252", "--delimiter ';' --encoding cp1252", LINE_4),
        ),
        (
            f"{NAMES}山田太郎;yamada@example.org\n佐藤花子;sato@example.org\n".encode("shift_jis"),
            looks_like("semicolons and the encoding Shift_JIS", "--delimiter ';' --encoding shift_jis", LINE_4),
        ),
        (
            LINES.replace("\n", ""),
            ("The lines end with CR alone.", "Save the file with the line ends LF or CRLF."),
        ),
        (
            "username,email,,\n",
            (
                "line 1: the header has an empty column at its end.",
                "Delete the column, or add --ignore all.",
            ),
        ),
        (
            "username,,email\n",
            ("line 1: the header has no name for column 2.", "Name it, or delete it, or add --ignore all."),
        ),
        (
            "username,email\n" + "x" * 2**21,
            ("line 2: The row has more than 1048576 bytes.", "The file may be no table."),
        ),
        (
            random.Random(7).randbytes(5000),
            ("The file is binary data, and no text.", "Export the users as CSV or JSON."),
        ),
        (b"%PDF-1.7\n", ("The file is a PDF document, and no text.", "Export a table instead.")),
    ],
)
def test_file_that_is_not_csv_is_identified(world: World, content: str | bytes, expected: tuple[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        world.run(world.write(content))
    assert (caught.value.message.partition(" Its text was cut")[0], caught.value.hint) == expected
    assert world.jobs() == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (OBJECT.encode("utf-16"), looks_like("the encoding UTF-16", "--encoding utf-16")),
        (OBJECT.encode("utf-16-be"), looks_like("the encoding UTF-16-BE", "--encoding utf-16-be")),
        (f"[{OBJECT}]", ("The file is a JSON array.", "Add --format json.")),
        (f"[\n  {OBJECT}\n]\n", ("The file is a JSON array.", "Add --format json.")),
        ('{\n  "username": "ann"\n}\n', ("The objects of the file have several lines.", "Add --format json.")),
        ('{"realm": "demo",\n "users": []}', ("The file looks like one of keycloak.", "Add --from keycloak.")),
    ],
)
def test_file_that_is_not_json_lines_is_identified(
    world: World, content: str | bytes, expected: tuple[str, str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        world.run(world.write(content, "users.jsonl"), ImportOptions(format="jsonl"))
    assert (caught.value.message, caught.value.hint) == expected
    assert world.jobs() == []


def test_given_dialect_that_is_wrong_is_corrected(world: World) -> None:
    with pytest.raises(ValidationError) as caught:
        world.run(world.write(LINES), ImportOptions(delimiter=";"))
    assert (caught.value.message, caught.value.hint) == looks_like("commas", "--delimiter comma")


def test_indented_objects_are_read_as_json(world: World) -> None:
    content = '{\n  "username": "ann",\n  "email": "ann@example.org"\n}\n' * 2
    options = ImportOptions(format="json", mail="none", if_exists="skip")
    assert world.run(world.write(content, "users.json"), options).counts.total == 2


def test_header_may_have_spaces_and_quotes(world: World) -> None:
    content = 'username\t , email ,"groups"\r\nann,ann@example.org,staff;guests\r\n'
    assert world.run(world.write(content), ImportOptions(mail="none")).counts.created == 1
