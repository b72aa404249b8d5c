"""Files of other programs: the import that --inspect proposes takes them, or the inspection says why not."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import LbackError
from lback_cli.imports.formats.detection import NotATableError
from lback_cli.imports.inspection import Inspection, inspect_input
from lback_cli.imports.options import ImportOptions

from .harness import World
from .vendor_documents import DOCUMENTS, OTHER_TEXT, OTHERS
from .vendor_file import VendorFile
from .vendor_spreadsheets import SPREADSHEETS
from .vendor_tables import TABLES

ALL = [*TABLES, *SPREADSHEETS, *DOCUMENTS, *OTHERS]


def inspect(world: World, path: Path) -> Inspection:
    return inspect_input(str(path), ImportOptions(), world.services, lambda: {"staff", "guests"}, is_named=False)


def described(people: dict[str, Any]) -> str:
    return " ".join(name if entry[2] else f"-{name}" for name, entry in people.items())


@pytest.mark.parametrize("kind", OTHER_TEXT)
def test_text_of_another_kind_is_refused_with_advice(world: World, kind: str) -> None:
    path = world.write(OTHER_TEXT[kind], "users.txt")
    with pytest.raises(NotATableError) as inspected:
        inspect(world, path)
    with pytest.raises(NotATableError) as imported:
        world.run(path, ImportOptions(format="csv"))
    assert inspected.value.message == imported.value.message == f"The file looks like {kind}, and not like a table."
    assert inspected.value.hint
    assert world.jobs() == []


@pytest.mark.parametrize("file", ALL, ids=lambda file: file.name)
def test_proposed_import_takes_the_file_or_says_why_not(world: World, file: VendorFile) -> None:
    path = world.write(file.content, file.name)
    found = inspect(world, path)
    said = [*found.notes, *([found.problem] if found.problem else [])]
    assert len(said) == len(file.said) or file.options, said
    assert all(part in one for part, one in zip(file.said, said, strict=False)), said
    assert bool(found.problem) == (not file.people or bool(file.options))
    options = replace(found.options, mail="none", **dict(file.options))
    people = len(file.people.split())
    if found.problem and not file.options and not file.failed and options.format == "csv":
        with pytest.raises(LbackError) as refused:
            world.run(path, options)
        assert refused.value.message in said[-1]
        assert world.jobs() == []
        return
    counts = world.run(path, options).counts
    assert (counts.created, counts.failed) == (people, counts.total - people)
    assert counts.failed == file.failed or not people
    assert described(world.people()) == file.people
