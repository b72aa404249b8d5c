"""Text that was decoded with a wrong encoding without an error, such as ``JÃ¼rgen`` for ``Jürgen``."""

import json
from dataclasses import replace

import pytest

from lback_cli.imports.inspection import inspect_input
from lback_cli.imports.misread import intended
from lback_cli.imports.options import ImportOptions
from lback_cli.imports.plan import PlanWriter

from .harness import World

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
