"""Files that are not tables, or are read with the wrong options: one sentence, what it looks like, and nothing done."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import ValidationError
from lback_cli.imports.options import ImportOptions

from .harness import World
from .workbooks import workbook

TABLE = "username,email,display_name\nann,ann@example.org,Zoë\n"
SEE = "--inspect shows what it would read."
MIB = 1024 * 1024
COMMAND = r"""
import re
from pathlib import Path
from lback_cli.__main__ import main

try:
    main()
finally:
    print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1], flush=True)
"""
"""Runs lback, and prints the peak of its memory in KiB."""


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


@pytest.mark.parametrize("name", ["cell.csv", "cell.jsonl", "cell.json"])
def test_gigantic_cell_takes_little_memory(tmp_path: Path, name: str) -> None:
    start = {"csv": 'username,email\nann,"', "jsonl": '{"username": "', "json": '[{"username": "'}[name.split(".")[1]]
    with (tmp_path / name).open("wb") as file:
        file.write(start.encode())
        for _ in range(300):
            file.write(b"a" * MIB)
    environment = os.environ | dict.fromkeys(("HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"), str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, "user", "import", name],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        check=False,
    )
    assert done.returncode == 7
    assert int(done.stdout) < 150 * 1024
