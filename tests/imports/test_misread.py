"""Text that was decoded with a wrong encoding without an error, such as ``JÃ¼rgen`` for ``Jürgen``."""

import json
from dataclasses import replace
from typing import Any

import pytest

from lback_cli.errors import ValidationError
from lback_cli.imports.inspection import inspect_input
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.plan import PlanWriter
from lback_cli.text.mojibake import intended

from .harness import PASSWORD, World

NAMES = [
    "Jürgen Groß",
    "Ångström",
    "Núñez",
    "Nguyễn Thị Ánh",
    "Łukasz Żółć",
    "Иван",
    "李小龍",
    "O\u2019Brien",
    "Élodie",
    "Zoë",
    "Šárka",
    "ÉCOLE",
    "JOSÉ",
    "Ünal",
    "İpek",
    "Großmann \u2013 Küche",
    "À la",
    "50 €",
    "Þór",
    "Đà Nẵng",
]

ORDINARY = (
    *NAMES,
    *[
        "Ã",
        "Âge",
        "São João",
        "Îles",
        "Ðorđe",
        "Ørsted",
        "Æsir",
        "Jõgeva Ülar",
        "Šárka Žižková",
        "TOMÁŠ",
        "François-Noël",
        "Mª José",
        "Nº 5",
        "Đặng Ânh",
    ],
    # These have two bytes of UTF-8 by chance.
    *["„Groß“", "KNÍŽE", "MÚŽ", "CAFÉ™", "CAFÉ…", "É»", "Ý“", "“TVÅ”", "SMÅ…", "IRMÃ…", "ÉŠ", "È—", "«É»", "Ñ»"],
)

MISREAD = "username,email,display_name\nada,ada@example.org,Ada\njuergen,juergen@example.org,JÃ¼rgen GroÃŸ\n"
EXPORT_AGAIN = "An earlier program did that: export the file again, as UTF-8, or correct its text."


def misread(text: str, encoding: str) -> str:
    """Return *text* as a program shows it that decodes UTF-8 with *encoding*."""
    decoded = (bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in text.encode())
    return "".join(decoded)


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252", "iso8859-1", "cp1250", "cp850"])
def test_ordinary_names_are_as_they_should_be(encoding: str) -> None:
    assert [name for name in ORDINARY if intended(name, encoding) is not None] == []


@pytest.mark.parametrize("encoding", ["cp1252", "iso8859-1"])
def test_misread_names_are_noticed(encoding: str) -> None:
    assert [intended(misread(name, encoding)) for name in NAMES] == NAMES


def test_name_that_the_given_encoding_misreads_is_noticed() -> None:
    assert intended("J├╝rgen", "cp850") == "Jürgen"
    assert intended("РЎРµСЂРіРµР№", "cp1251") == "Сергей"


@pytest.mark.parametrize("atomic", [False, True])
def test_import_plan_and_inspection_name_the_rows(world: World, atomic: bool) -> None:
    path = world.write(MISREAD)
    message = "1 row looks as if UTF-8 was read as Windows-1252 (line 3: 'JÃ¼rgen GroÃŸ' for 'Jürgen Groß')."
    options = ImportOptions(mail="none", atomic=atomic)
    found = inspect_input(str(path), options, world.services, set, is_named=False)
    assert found.notes == [f"{message} {EXPORT_AGAIN}"]
    planned = world.importer().plan(str(path), options, PlanWriter(world.services.hasher)).tally.misread
    imported = world.run(path, options).tally.misread
    assert [(one.message, one.hint) for one in (planned, imported)] == [(message, EXPORT_AGAIN)] * 2


def test_wrong_option_is_named_with_the_right_one(world: World) -> None:
    rows = "".join(f"u{number},u{number}@example.org,Zoë {number}\n" for number in range(5))
    path = world.write("username,email,display_name\n" + rows)
    found = world.run(path, ImportOptions(mail="none", encoding="cp1252")).tally.misread
    assert (found.count, found.hint) == (5, "Read the file as UTF-8: --encoding utf-8.")
    assert "line 4: 'ZoÃ« 2' for 'Zoë 2'; ...)" in found.message


def test_row_with_a_misread_password_is_named_without_it(world: World) -> None:
    secret = "purple girÃ¤ffes yodel at dusk"
    path = world.write(f"username,email,password\nada,ada@example.org,{secret}\n")
    found = world.run(path, ImportOptions(mail="none")).tally.misread
    assert found.message == "1 row looks as if UTF-8 was read as Windows-1252 (line 2)."


def test_groups_and_objects_are_looked_at(world: World) -> None:
    row = {"username": "ada", "email": "ada@example.org", "is_active": True, "groups": ["KÃ¼che"]}
    path = world.write(json.dumps(row) + "\n", "users.jsonl")
    found = world.run(path, replace(ImportOptions(mail="none"), format="jsonl")).tally.misread
    assert found.examples == ["line 1: 'KÃ¼che' for 'Küche'"]


def test_ordinary_file_has_no_such_rows(world: World) -> None:
    rows = "".join(f'u{number},u{number}@example.org,"{name}"\n' for number, name in enumerate(ORDINARY))
    result = world.run(world.write("username,email,display_name\n" + rows), ImportOptions(mail="none"))
    assert (result.counts.created, result.tally.misread.count) == (len(ORDINARY), 0)


# Names of columns


def refusal(world: World, text: str | bytes, **options: Any) -> tuple[str, str]:
    with pytest.raises(ValidationError) as caught:
        world.run(world.write(text), ImportOptions(mail="none", **options))
    assert (world.jobs(), world.people()) == ([], {})
    return caught.value.message, str(caught.value.hint)


def test_misread_names_are_refused_with_the_cause_and_the_options_that_take_them(world: World) -> None:
    mark = misread("\ufeff", "cp1252")
    names = f"{mark}username,email,PrÃ©nom,StraÃŸe,PaÃ¯s\n"
    message, hint = refusal(world, names + "ada,ada@example.org,,,\n")
    assert message == (
        "line 1: the names of columns look as if UTF-8 was read as Windows-1252 "
        f"('{mark}username' for 'username'; 'PrÃ©nom' for 'Prénom'; 'StraÃŸe' for 'Straße'; ...)."
    )
    options = f"Add --map 'username={mark}username' --ignore 'PrÃ©nom,StraÃŸe,PaÃ¯s', or "
    assert hint.startswith(f"{EXPORT_AGAIN} {options}")


@pytest.mark.parametrize("encoding", ["cp1252", "iso8859-1", "cp850"])
def test_names_that_the_given_encoding_misreads_are_refused_with_the_right_one(world: World, encoding: str) -> None:
    message, hint = refusal(world, "username,email,Prénom\nada,ada@example.org,\n", encoding=encoding)
    read = "Prénom".encode().decode(encoding)
    assert message.startswith("line 1: the names of columns look as if UTF-8 was read as ")
    assert message.endswith(f" ('{read}' for 'Prénom').")
    assert hint == "Read the file as UTF-8: --encoding utf-8."


def test_byte_order_mark_of_utf_8_contradicts_another_encoding(world: World) -> None:
    assert refusal(world, "\ufeffusername,email\nada,ada@example.org\n", encoding="cp1252") == (
        "The file is not cp1252, but looks like UTF-8: leave --encoding out.",
        "--inspect shows what it would read.",
    )


@pytest.mark.parametrize("extension", ["csv", "jsonl"])
def test_misread_names_that_are_ignored_are_named(world: World, extension: str) -> None:
    texts = {
        "csv": "username,email,PrÃ©nom\nada,ada@example.org,x\n",
        "jsonl": '{"username": "ada", "email": "ada@example.org", "PrÃ©nom": "x"}\n',
    }
    path = world.write(texts[extension], f"users.{extension}")
    options = ImportOptions(mail="none", ignored=("all",), format=extension)
    found = inspect_input(str(path), ImportOptions(), world.services, set, is_named=False)
    message = "1 name of a column looks as if UTF-8 was read as Windows-1252 ('PrÃ©nom' for 'Prénom')."
    assert found.notes == [f"{message} {EXPORT_AGAIN}"]
    planned = world.importer().plan(str(path), options, PlanWriter(world.services.hasher)).tally.misread
    result = world.run(path, options)
    assert (result.counts.created, planned.message, result.tally.misread.message) == (1, message, message)


def test_misread_names_are_understood(world: World) -> None:
    content = "AnvÃ¤ndarnamn,E-post,ContraseÃ±a\n" + f"ada,ada@example.org,{PASSWORD}\n"
    found = inspect_input(str(world.write(content)), ImportOptions(), world.services, set, is_named=False)
    assert found.options.mapping == (
        ("username", "AnvÃ¤ndarnamn"),
        ("email", "E-post"),
        ("password", "ContraseÃ±a"),
    )


@pytest.mark.parametrize("first_line", ["\ufeff\ufeff", '\ufeff\ufeff"x",\n\ufeff'])
def test_byte_order_marks_before_the_names_are_skipped(world: World, first_line: str) -> None:
    path = world.write(first_line + "username,email\nada,ada@example.org\n")
    options = ImportOptions(mail="none", skip_lines=first_line.count("\n"))
    found = inspect_input(str(path), ImportOptions(), world.services, set, is_named=False)
    assert [column.name for column in found.columns] == ["username", "email"]
    assert world.run(path, options).counts.created == 1
