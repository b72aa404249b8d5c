"""Commands in messages can be pasted into a shell."""

import os
import shlex
import shutil
import subprocess

import pytest

from lback_cli.text.escaping import safe
from lback_cli.text.shell_quoting import command_line

WORDS = [
    "plain",
    "",
    "two words",
    "it's",
    "line\nend",
    "\x1b[31mred's \\ 1",
    "é\u202e\u200bab",
    "\x7f0",
    os.fsdecode(b"bad\xff1.csv"),
    "$'a",
]


@pytest.mark.parametrize("shell", ["bash", "zsh", "ksh"])
def test_a_shell_reads_back_the_quoted_words(shell: str) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    line = command_line(WORDS)
    assert safe(line) == line
    read = subprocess.run([program, "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True).stdout
    assert read.split(b"\0")[:-1] == [os.fsencode(word) for word in WORDS]


def test_printable_words_are_quoted_as_by_shlex() -> None:
    words = ["lback", "user", "import", "/srv/my users.csv", "--actor", "Zoë"]
    assert command_line(words) == shlex.join(words)
    assert command_line(["a\nb"]) == r"$'a\x0ab'"
