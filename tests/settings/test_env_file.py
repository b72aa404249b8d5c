import os
import sys
from pathlib import Path
from typing import Any

import pytest

Place = Any  # of conftest.py

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="file modes and owners are POSIX")

OURS = "LBACK_EMAIL_HOST=ours\n"
OTHERS = "DJANGO_SETTINGS_MODULE=app\n"


def test_a_private_file_is_read_with_quotes_exports_and_comments(place: Place) -> None:
    place.write(
        ".env",
        "# mine\n\nOTHER=1\nexport LBACK_EMAIL_HOST='mail # 1'  # why\n"
        'LBACK_EMAIL_USERNAME="ann" \r\nLBACK_EMAIL_CA_FILE=\n',
    )
    settings = place.load()
    assert (settings.email.host, settings.email.username, settings.email.ca_file) == ("mail # 1", "ann", None)


def test_values_are_taken_as_written_without_interpolation(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/interpolated")
    place.write(".env", "LBACK_EMAIL_HOST=${HOME}\nLBACK_EMAIL_USERNAME=a$HOME\n")
    settings = place.load()
    assert (settings.email.host, settings.email.username) == ("${HOME}", "a$HOME")


def test_a_file_of_a_parent_directory_is_not_read(place: Place) -> None:
    place.write("../.env", OURS)
    assert place.load().email.host == "localhost"


@pytest.mark.parametrize("mode", [0o640, 0o620, 0o610, 0o604, 0o602, 0o601, 0o644, 0o666])
def test_a_file_that_group_or_others_may_use_is_refused(place: Place, mode: int) -> None:
    file = place.write(".env", OURS, mode)
    error = place.refusal()
    assert error.message == f"{file} sets LBACK_ variables but others can read or write it."
    assert error.hint == f"Run: chmod 600 {file}"


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_that_only_its_owner_may_use_is_read(place: Place, mode: int) -> None:
    place.write(".env", OURS, mode)
    assert place.load().email.host == "ours"


def test_a_link_is_refused_even_to_a_private_file(place: Place) -> None:
    link = place.directory / ".env"
    link.symlink_to(place.write("elsewhere", OURS))
    assert place.refusal().message == f"{link} sets LBACK_ variables but is a symbolic link."


def test_a_file_of_another_user_is_refused(place: Place) -> None:
    file = place.write(".env", OURS)
    try:
        os.chown(file, 65534, -1)
    except PermissionError:
        pytest.skip("only root can give a file away")
    assert place.refusal().message == f"{file} sets LBACK_ variables but belongs to another user."


@pytest.mark.parametrize(
    "content",
    [OTHERS, "# LBACK_EMAIL_HOST=x\n", "NOTE=LBACK_EMAIL_HOST\n", "", "\"broken 'LBACK_\n", b"NAME=M\xfcller\n"],
)
def test_a_file_of_other_programs_may_be_anything(
    place: Place, content: str | bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    place.write("elsewhere", content, 0o666)
    (place.directory / ".env").symlink_to("elsewhere")
    assert set(place.load().sources.values()) == {"default"}
    assert capfd.readouterr() == ("", "")


def test_a_directory_a_pipe_and_a_link_to_nothing_are_left_alone(place: Place) -> None:
    path: Path = place.directory / ".env"
    path.mkdir()
    assert set(place.load().sources.values()) == {"default"}
    path.rmdir()
    os.mkfifo(path)
    assert set(place.load().sources.values()) == {"default"}
    path.unlink()
    path.symlink_to("nothing")
    assert set(place.load().sources.values()) == {"default"}


def test_a_file_that_cannot_be_read_is_an_error(place: Place) -> None:
    file = place.write(".env", OTHERS, 0o000)
    if os.access(file, os.R_OK):
        pytest.skip("root may read everything")
    assert place.refusal().message == f"Cannot read {file}: Permission denied."


@pytest.mark.parametrize(
    ("content", "line", "complaint"),
    [
        ("A=1\n\n\nLBACK_DATABASE_URL='sqlite:///canary\nB=2\n", 4, "cannot be parsed."),
        ('export LBACK_DATABASE_URL="canary" and more\n', 1, "cannot be parsed."),
        ("\nLBACK_DATABASE_URL\n", 2, "LBACK_DATABASE_URL has no value."),
    ],
)
def test_a_broken_line_about_lback_is_an_error_that_keeps_its_value(
    place: Place, content: str, line: int, complaint: str
) -> None:
    file = place.write(".env", content)
    error = place.refusal()
    assert error.message == f"{file}, line {line}: {complaint}"
    assert "canary" not in f"{error.message} {error.hint}"


def test_a_broken_line_of_another_program_hides_none_of_ours(place: Place) -> None:
    place.write(".env", f"A='open\n{OURS}")
    assert place.load().email.host == "ours"


def test_a_byte_order_mark_is_tolerated(place: Place) -> None:
    place.write(".env", b"\xef\xbb\xbf" + OURS.encode())
    assert place.load().email.host == "ours"


def test_a_value_that_is_not_utf8_is_refused_by_its_key(place: Place) -> None:
    place.write(".env", b"LBACK_EMAIL_HOST=M\xfcller\n")
    assert place.refusal().message == (r"email.host (LBACK_EMAIL_HOST in .env): 'M\udcfcller' is not one line of text.")
