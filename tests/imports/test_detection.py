"""Files of another format than expected are refused, with the name of their format."""

import pytest

from lback_cli.errors import ValidationError
from lback_cli.imports.options import ImportOptions

from .harness import World

LINES = "username,email\r\nann,ann@example.org\r\n"
OBJECT = '{"username": "ann", "email": "ann@example.org"}'
SEMICOLONS = ("The columns are separated by semicolons.", "Save the file with commas.")
UTF_16 = ("The file is UTF-16.", "Save it as UTF-8.")
ARRAY = ("The file is a JSON array.", "JSON Lines has one object on each line, and nothing around or between them.")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("username;email;password\nann;ann@example.org;\n", SEMICOLONS),
        ('"username";"email"\n"ann";"ann@example.org"\n', SEMICOLONS),
        ("\ufeffUsername;E-Mail\nann;ann@example.org\n", SEMICOLONS),
        ("username\temail\nann\tann@example.org\n", ("The columns are separated by tabs.", SEMICOLONS[1])),
        (
            "sep=;\nusername;email\n",
            ("The first line, sep=;, names no columns.", "Delete it, and save the file with commas."),
        ),
        ("sep=,\r\nusername,email\r\n", ("The first line, sep=,, names no columns.", "Delete it.")),
        (LINES.encode("utf-16"), UTF_16),
        (LINES.encode("utf-16-le"), UTF_16),
        (LINES.encode("utf-16-be"), UTF_16),
        (LINES.encode("utf-32"), ("The file is UTF-32.", UTF_16[1])),
        (LINES.encode("utf-32-be"), ("The file is UTF-32.", UTF_16[1])),
        (
            LINES.replace("\n", ""),
            ("The lines end with CR alone.", "Save the file with the line ends LF or CRLF."),
        ),
        ("username,email,\n", ("line 1: the header has an empty column at its end.", "Delete the column.")),
        ("username,email,,\n", ("line 1: the header has an empty column at its end.", "Delete the column.")),
        ("username,,email\n", ("line 1: the header has no name for column 2.", "Name it, or delete it.")),
    ],
)
def test_file_that_is_not_csv_is_identified(world: World, content: str | bytes, expected: tuple[str, str]) -> None:
    with pytest.raises(ValidationError) as caught:
        world.run(world.write(content))
    assert (caught.value.message, caught.value.hint) == expected
    assert world.jobs() == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (OBJECT.encode("utf-16"), UTF_16),
        (OBJECT.encode("utf-16-be"), UTF_16),
        (f"[{OBJECT}]", ARRAY),
        (f"[\n  {OBJECT}\n]\n", ARRAY),
    ],
)
def test_file_that_is_not_json_lines_is_identified(
    world: World, content: str | bytes, expected: tuple[str, str]
) -> None:
    with pytest.raises(ValidationError) as caught:
        world.run(world.write(content, "users.jsonl"), ImportOptions(format="jsonl"))
    assert (caught.value.message, caught.value.hint) == expected
    assert world.jobs() == []


def test_a_header_may_be_spaced_and_quoted(world: World) -> None:
    content = 'username\t , email ,"groups"\r\nann,ann@example.org,staff;guests\r\n'
    assert world.run(world.write(content), ImportOptions(mail="none")).counts.created == 1
