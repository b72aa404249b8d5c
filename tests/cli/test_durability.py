"""What a command reports as done survives a power failure: it is on disk first."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

CALL = re.compile(r"(?P<name>pwrite64|write|fdatasync|fsync)\(\d+<(?P<path>[^>]*)>(?P<rest>.*)")


def calls_before_the_message(strace: str, message: str) -> list[tuple[str, str]]:
    """Return the name and the path of the recorded calls before *message* is written."""
    calls: list[tuple[str, str]] = []
    for found in map(CALL.search, strace.splitlines()):
        if found is None:
            continue
        if message in found["rest"]:
            return calls
        calls.append((found["name"], found["path"]))
    raise AssertionError(f"{message} was not written")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("user", "register", "ann", "--email", "ann@example.org", "--invite"), "Registered ann"),
        (("user", "delete", "bob", "--yes"), "Deleted bob"),
        (("group", "create", "staff"), "Created the group staff"),
    ],
    ids=["register", "delete", "group"],
)
def test_the_change_is_on_disk_before_the_message(
    lback: Any, tmp_path: Path, words: tuple[str, ...], message: str
) -> None:
    if (strace := shutil.which("strace")) is None:
        pytest.skip("strace is not installed")
    lback("user", "register", "bob", "--email", "bob@example.org", "--invite")
    output = tmp_path / "strace"
    recorded = ("-f", "-y", "-s", "100", "-e", "trace=pwrite64,write,fdatasync,fsync", "-o", str(output))
    done = subprocess.run(
        [strace, *recorded, str(lback.program), *words], env=lback.environment, capture_output=True, check=False
    )
    if b"PTRACE" in done.stderr or b"ptrace" in done.stderr:
        pytest.skip("strace may not trace here")
    assert done.returncode == 0, done.stderr

    calls = calls_before_the_message(output.read_text(), message)

    on_wal = [name for name, path in calls if path == f"{lback.database}-wal"]
    assert "pwrite64" in on_wal
    assert on_wal[-1] in {"fdatasync", "fsync"}
