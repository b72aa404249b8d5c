"""Variables in a ``.env`` file."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

Workspace = Any  # conftest.Workspace

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="file modes and owners are POSIX")

OURS = "LBACK_EMAIL_HOST=ours\n"
OTHERS = "DJANGO_SETTINGS_MODULE=app\n"


def test_quotes_exports_and_comments_are_parsed(workspace: Workspace) -> None:
    workspace.write(
        ".env",
        "# mine\n\nOTHER=1\nexport LBACK_EMAIL_HOST='mail # 1'  # why\n"
        'LBACK_EMAIL_USERNAME="ann" \r\nLBACK_EMAIL_CA_FILE=\n',
    )
    settings = workspace.load()
    assert (settings.email.host, settings.email.username, settings.email.ca_file) == ("mail # 1", "ann", None)


def test_values_are_not_interpolated(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/interpolated")
    workspace.write(".env", "LBACK_EMAIL_HOST=${HOME}\nLBACK_EMAIL_USERNAME=a$HOME\n")
    settings = workspace.load()
    assert (settings.email.host, settings.email.username) == ("${HOME}", "a$HOME")


def test_file_of_a_parent_directory_is_ignored(workspace: Workspace) -> None:
    workspace.write("../.env", OURS)
    assert workspace.load().email.host == "localhost"


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o666])
def test_file_that_group_or_others_can_access_is_refused(workspace: Workspace, mode: int) -> None:
    file = workspace.write(".env", OURS, mode)
    error = workspace.error()
    assert error.message == f"{file} sets LBACK_ variables but others can read or write it."
    assert error.hint == f"Run: chmod 600 {file}"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_file_that_only_its_owner_can_access_is_read(workspace: Workspace, mode: int) -> None:
    workspace.write(".env", OURS, mode)
    assert workspace.load().email.host == "ours"


def test_symbolic_link_is_refused(workspace: Workspace) -> None:
    link = workspace.directory / ".env"
    link.symlink_to(workspace.write("elsewhere", OURS))
    assert workspace.error().message == f"{link} sets LBACK_ variables but is a symbolic link."


def test_file_of_another_user_is_refused(workspace: Workspace) -> None:
    file = workspace.write(".env", OURS)
    try:
        os.chown(file, 65534, -1)
    except PermissionError:
        pytest.skip("only root can give a file away")
    assert workspace.error().message == f"{file} sets LBACK_ variables but belongs to another user."


@pytest.mark.parametrize(
    "content",
    [OTHERS, "# LBACK_EMAIL_HOST=x\n", "NOTE=LBACK_EMAIL_HOST\n", "", "\"broken 'LBACK_\n", b"NAME=M\xfcller\n"],
)
def test_file_of_another_program_is_ignored(
    workspace: Workspace, content: str | bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    workspace.write("elsewhere", content, 0o666)
    (workspace.directory / ".env").symlink_to("elsewhere")
    assert set(workspace.load().sources.values()) == {"default"}
    assert capfd.readouterr() == ("", "")


def test_directory_pipe_and_dangling_link_are_ignored(workspace: Workspace) -> None:
    path: Path = workspace.directory / ".env"
    path.mkdir()
    assert set(workspace.load().sources.values()) == {"default"}
    path.rmdir()
    os.mkfifo(path)
    assert set(workspace.load().sources.values()) == {"default"}
    path.unlink()
    path.symlink_to("nothing")
    assert set(workspace.load().sources.values()) == {"default"}


def test_unreadable_file_is_an_error(workspace: Workspace) -> None:
    file = workspace.write(".env", OTHERS, 0o000)
    if os.access(file, os.R_OK):
        pytest.skip("root can read every file")
    assert workspace.error().message == f"Cannot read {file}: Permission denied."


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("A=1\n\n\nLBACK_DATABASE_URL='sqlite:///canary\nB=2\n", 4, "cannot be parsed."),
        ('export LBACK_DATABASE_URL="canary" and more\n', 1, "cannot be parsed."),
        ("\nLBACK_DATABASE_URL\n", 2, "LBACK_DATABASE_URL has no value."),
    ],
)
def test_malformed_line_about_lback_is_an_error_that_hides_the_value(
    workspace: Workspace, content: str, line: int, reason: str
) -> None:
    file = workspace.write(".env", content)
    error = workspace.error()
    assert error.message == f"{file}, line {line}: {reason}"
    assert "canary" not in f"{error.message} {error.hint}"


def test_malformed_line_of_another_program_is_skipped(workspace: Workspace) -> None:
    workspace.write(".env", f"A='open\n{OURS}")
    assert workspace.load().email.host == "ours"


def test_byte_order_mark_is_accepted(workspace: Workspace) -> None:
    workspace.write(".env", b"\xef\xbb\xbf" + OURS.encode())
    assert workspace.load().email.host == "ours"


def test_value_that_is_not_utf8_is_refused(workspace: Workspace) -> None:
    workspace.write(".env", b"LBACK_EMAIL_HOST=M\xfcller\n")
    message = r"email.host (LBACK_EMAIL_HOST in .env): 'M\udcfcller' is not one line of text."
    assert workspace.error().message == message


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize(("mode", "owner", "refused"), [(0o1777, 0, True), (0o755, 65534, True), (0o755, 0, False)])
def test_hard_link_that_another_user_can_have_made_is_refused(
    workspace: Workspace, mode: int, owner: int, refused: bool
) -> None:
    link = workspace.directory / ".env"
    os.link(workspace.write("../elsewhere", OURS), link)
    workspace.directory.chmod(mode)
    os.chown(workspace.directory, owner, owner)
    if refused:
        message = f"{link} sets LBACK_ variables but is a hard link, which another user can have made."
        assert workspace.error().message == message
    else:
        assert workspace.load().email.host == "ours"


def test_huge_file_is_refused(workspace: Workspace) -> None:
    file = workspace.write(".env", OTHERS)
    os.truncate(file, 64 * 1024**2)
    assert workspace.error().message == f"{file} has more than 1,000,000 bytes."
