"""Secrets in files and streams."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lback_cli.errors import ConfigurationError
from lback_cli.settings.secret_file import MAX_LENGTH, read_secret, read_secret_lines

READ = "import sys, pathlib; from lback_cli.settings.secret_file import read_secret; "


def error_message(path: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read_secret(path, "database.password_file")
    return caught.value.message


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        ("жёлудь\nmore".encode(), "жёлудь"),
        ("\ufeffpässwörd\r\n".encode(), "pässwörd"),
        (b" with spaces ", " with spaces "),
        (b"x" * MAX_LENGTH + b"\nmore", "x" * MAX_LENGTH),
    ],
)
def test_secret_is_the_first_line(tmp_path: Path, content: bytes, secret: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)
    link = tmp_path / "link"
    link.symlink_to(path)
    assert read_secret(path, "key") == read_secret(link, "key") == secret


def test_too_long_line_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("x" * (MAX_LENGTH + 1))
    assert error_message(path) == f"database.password_file: the first line of {path} is too long."


def test_secret_lines_are_all_that_are_not_blank(tmp_path: Path) -> None:
    path = tmp_path / "secrets"
    path.write_bytes("\ufeffone\r\n\n  \ntwo words".encode())
    assert read_secret_lines(path, "key") == ["one", "two words"]
    path.write_bytes(b"")
    assert read_secret_lines(path, "key") == []
    path.write_text("x\n" * MAX_LENGTH)
    with pytest.raises(ConfigurationError, match=r"^key: .* is too long"):
        read_secret_lines(path, "key")
    with pytest.raises(ConfigurationError, match="it is not a file"):
        read_secret_lines(Path("/dev/zero"), "key")


def test_device_pipe_and_directory_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (Path("/dev/zero"), pipe):
        assert error_message(path) == f"database.password_file: cannot read {path}: it is not a file."
    assert error_message(tmp_path) == f"database.password_file: cannot read {tmp_path}: Is a directory."


@pytest.mark.parametrize("source", ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"])
def test_open_stream_is_read(source: str) -> None:
    program = f"{READ} print(read_secret(pathlib.Path({source!r}), 'key'))"
    done = subprocess.run(
        [sys.executable, "-c", program], input="secret\nmore\n", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "secret\n", "")


def test_process_substitution_of_a_shell_is_read() -> None:
    program = f"{READ} print(read_secret(pathlib.Path(sys.argv[1]), 'key'))"
    command = ["bash", "-c", '"$0" -c "$1" <(echo secret)', sys.executable, program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "secret\n", "")


def test_endless_stream_is_refused() -> None:
    program = f"{READ} read_secret(pathlib.Path('/dev/stdin'), 'key')"
    with Path("/dev/zero").open("rb") as zero:
        done = subprocess.run([sys.executable, "-c", program], stdin=zero, capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1].endswith("ConfigurationError: key: the first line of /dev/stdin is too long.")
