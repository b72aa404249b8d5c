"""Files that are not tables, or are read with the wrong options: one sentence, what it looks like, and nothing done."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ValidationError
from lback_cli.imports.options import ImportOptions
from tests.peak_memory import measure

from .harness import World
from .workbooks import workbook

TABLE = "username,email,display_name\nann,ann@example.org,Zoë\n"
SEE = "--inspect shows what it would read."
MIB = 1024 * 1024


@pytest.mark.parametrize(
    ("content", "options", "expected"),
    [
        (
            TABLE.encode("utf-16"),
            {"encoding": "cp1252"},
            ("The file is not cp1252, but looks like UTF-16: add --encoding utf-16.", SEE),
        ),
        (
            TABLE.encode("utf-16-le"),
            {"encoding": "shift_jis"},
            ("The file is not shift_jis, but looks like UTF-16-LE: add --encoding utf-16-le.", SEE),
        ),
        (
            TABLE.encode(),
            {"encoding": "ascii"},
            ("The file is not ascii, but looks like UTF-8: leave --encoding out.", SEE),
        ),
        (
            TABLE.encode(),
            {"encoding": "utf-16"},
            ("The file is not utf-16, but looks like UTF-8: leave --encoding out.", SEE),
        ),
        (
            b'[{"username": "ann", "email": ',
            {"format": "json"},
            ("The file is not JSON at record 1: expecting value.", None),
        ),
        (
            b"[" * 100_000,
            {"format": "json"},
            ("The file is not JSON at record 1: it is nested too deeply.", None),
        ),
        (
            TABLE.encode() + b"a" * (66 * MIB),
            {},
            ("A line of the file has more than 67108864 bytes.", "The file may be no table."),
        ),
    ],
)
def test_unreadable_file_is_refused_as_a_whole(
    world: World, content: bytes, options: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    with pytest.raises(ValidationError) as caught:
        world.run(world.write(content), ImportOptions(**options))
    message, hint = expected
    assert caught.value.message == message
    assert hint is None or caught.value.hint == hint
    assert (world.jobs(), world.people()) == ([], {})


def test_rows_that_are_damaged_in_the_given_encoding_are_refused_alone(world: World) -> None:
    path = world.write("username,email\nann,ann@example.org\nzoé,".encode("cp1252") + b"\x81\nbob,bob@example.org\n")
    counts = world.run(path, ImportOptions(encoding="cp1252", mail="none")).counts
    assert (counts.created, counts.failed) == (2, 1)


@pytest.mark.parametrize("extension", [".xlsm", ".xlsx"])
def test_workbook_with_macros_is_named_as_one(lback: Any, tmp_path: Path, extension: str) -> None:
    workbook(tmp_path / f"users{extension}", [["username", "email"]], extra="xl/vbaProject.bin")
    done = lback("user", "import", tmp_path / f"users{extension}")
    assert (done.status, done.err) == (
        7,
        "error: The workbook has macros, which lback does not read: save it without them, as .xlsx.\n",
    )


@pytest.mark.parametrize("extension", [".xls", ".xlsx"])
def test_old_or_encrypted_workbook_is_named_as_one(lback: Any, tmp_path: Path, extension: str) -> None:
    (tmp_path / f"users{extension}").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000))
    done = lback("user", "import", tmp_path / f"users{extension}")
    assert (done.status, done.err.splitlines()[0]) == (7, "error: The workbook is encrypted, or an old one (.xls).")


# Memory


def refused(directory: Path, *arguments: object) -> str:
    """Import, and return the error; it took little memory."""
    measured = measure(directory, "user", "import", *arguments)
    assert measured.status == 7
    assert measured.mebibytes < 150
    return measured.err.splitlines()[0]


@pytest.mark.parametrize(
    ("name", "start", "message"),
    [
        ("cell.csv", 'username,email\nann,"', "A line of the file has more than 67108864 bytes."),
        ("cell.jsonl", '{"username": "', "A line of the file has more than 67108864 bytes."),
        (
            "cell.json",
            '[{"username": "',
            "The file is not JSON at record 1: a part of it has more than 1048576 characters, or no end.",
        ),
    ],
)
def test_gigantic_cell_takes_little_memory(tmp_path: Path, name: str, start: str, message: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.write(start.encode())
        for _ in range(160):
            file.write(b"a" * MIB)
    assert message in refused(tmp_path, name)


def test_gigantic_binary_takes_little_memory(tmp_path: Path) -> None:
    with (tmp_path / "users.csv").open("wb") as file:
        file.truncate(4096 * MIB)
    assert refused(tmp_path, "users.csv") == "error: The file is binary data, and no text."


def test_zip_bomb_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "users.xlsx"
    workbook(path, [["username", "email"]])
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            with book.open(name, "w") as part:
                start, cell, end = content.partition(b">username<")
                part.write(start + cell[:-1])
                for _ in range(400 if cell else 0):
                    part.write(b"a" * MIB)
                part.write(cell[-1:] + end)
    assert refused(tmp_path, path) == "error: Reading the workbook takes more than 150 MiB or 60 seconds."


def test_file_that_grows_takes_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "users.csv"
    path.write_text("username,email\n")
    grow = "import itertools, sys\nfor n in itertools.count(): print(f'u{n},u{n}@example.org', flush=True)"
    with path.open("a") as file, subprocess.Popen([sys.executable, "-c", grow], stdout=file) as growing:
        try:
            assert refused(tmp_path, path) == f"error: {path} is being written to."
        finally:
            growing.kill()


def test_memory_is_measured_without_that_of_the_parent(tmp_path: Path) -> None:
    ballast = bytearray(os.urandom(MIB)) * 200
    assert measure(tmp_path, "--version").mebibytes < 150 < len(ballast) / MIB
