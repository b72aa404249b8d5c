"""Tables with other delimiters and encodings, read as options say, or as they are guessed."""

import codecs
import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.csv_injection import unescaped
from lback_cli.imports.formats.csv_reader import read_csv
from lback_cli.imports.formats.dialect import Dialect, in_utf8, parse_encoding
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.options import ImportOptions

from .harness import World, read_jsonl

CELLS = st.text(st.characters(codec="cp1252"), max_size=12)
TABLE = "Benutzername;E-Mail;Gruppen;Notiz\njörg;joerg@example.org;staff;naïve\nann;ann@example.org;;\n;;;\n"


class Guesses(ImportObserver):
    def __init__(self) -> None:
        self.options: list[str] = []

    def guessed(self, options: str) -> None:
        self.options.append(options)


@settings(max_examples=300, deadline=None)
@given(
    cells=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5),
    delimiter=st.sampled_from(";\t|:,"),
    encoding=st.sampled_from(["cp1252", "utf-16", "utf-16-le", "utf-32", "utf-8", "gb18030"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_table_in_any_dialect_is_read_as_it_is(
    cells: list[tuple[str, str]], delimiter: str, encoding: str, quoting: Any
) -> None:
    file = io.StringIO(newline="")
    file.write("a title\r\n\r\n")
    csv.writer(file, delimiter=delimiter, quoting=quoting).writerows([("username", "email"), *cells])
    raw = io.BytesIO(file.getvalue().encode(encoding))
    rows = list(read_csv(raw, dialect=Dialect(delimiter, parse_encoding(encoding), 2)))
    assert [(row.raw, row.original) for row in rows] == [
        (None, {"username": unescaped(name), "email": unescaped(mail)}) for name, mail in cells if name or mail
    ]


@given(st.binary(max_size=60), st.sampled_from(["cp1252", "utf-16", "utf-32-be", "shift_jis", "utf-7"]))
def test_any_bytes_are_read_in_any_encoding(raw: bytes, encoding: str) -> None:
    """What cannot be decoded is not UTF-8 afterwards either, so its row is refused."""
    try:
        expected = codecs.getincrementaldecoder(encoding)().decode(raw, final=True).encode().decode()
    except UnicodeError:
        with pytest.raises((UnicodeError, ValidationError)):
            in_utf8(io.BytesIO(raw), encoding).read().decode()
    else:
        assert in_utf8(io.BytesIO(raw), encoding).read().decode() == expected


def test_lines_before_the_names_count_and_undecodable_text_fails_its_row(world: World) -> None:
    raw = "Staff\n\nusername,email\nzoë,zoe@example.org\nann,ann@example.org\n".encode("cp1252")
    path = world.write(raw.replace("ë".encode("cp1252"), b"\x81"))
    report = world.directory / "report.jsonl"
    world.run(path, ImportOptions(mail="none", encoding="cp1252", skip_lines=2, report=report))
    assert [(one["line"], one["outcome"], one["message"]) for one in read_jsonl(report)] == [
        (4, "failed", "The row has a byte that is not cp1252."),
        (5, "created", None),
    ]


def test_guess_is_accepted_reported_and_resumed(world: World) -> None:
    """The job has the options that were guessed, so both commands continue it."""
    path = world.write(TABLE.encode("cp1252"))
    options, guesses = ImportOptions(mail="none", guess=True, on_error="stop"), Guesses()
    first = world.run(path, options, watcher=guesses)
    assert guesses.options == [
        "--delimiter ';' --encoding cp1252 --map username=Benutzername,email=E-Mail,groups=Gruppen --ignore Notiz"
    ]
    assert (first.state, first.counts.created, first.counts.failed) == ("stopped", 0, 1), "jörg is not a user name"
    explicit = ImportOptions(
        mail="none",
        on_error="stop",
        delimiter=";",
        encoding="cp1252",
        mapping=(("username", "Benutzername"), ("email", "E-Mail"), ("groups", "Gruppen")),
        ignored=("Notiz",),
    )
    second = world.run(path, explicit, resume=True)
    assert (second.state, second.counts.created, second.tally.left_out) == ("done", 1, {"empty rows": 1})
    assert world.run(path, options, resume=True).state == "finished"


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("sep=;\nlogin;mail\nann;ann@example.org\n", "--delimiter ';' --skip-lines 1 --map username=login,email=mail"),
        ("username\temail\nann\tann@example.org\n", "--delimiter tab"),
        ("E-Mail\nann@example.org\n", "--map email=E-Mail --username-from email"),
        (
            "version:v1.0,,\nName [displayName],User name [userPrincipalName],Initial password\nAnn,ann@example.org,\n",
            (
                "--skip-lines 1 --map 'display_name=Name [displayName],password=Initial password,"
                "email=User name [userPrincipalName]' --username-from email"
            ),
        ),
        ("username,email\nann,ann@example.org\n", ""),
    ],
)
def test_table_of_another_program_comes_in_with_a_guess(world: World, content: str, options: str) -> None:
    guesses = Guesses()
    assert world.run(world.write(content), ImportOptions(mail="none", guess=True), watcher=guesses).counts.created == 1
    assert (guesses.options, list(world.people())) == ([options], ["ann"])
