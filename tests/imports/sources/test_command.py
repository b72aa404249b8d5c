"""Accounts of another system are imported with the command line, and `lback user hashes` shows the progress."""

import contextlib
from pathlib import Path
from typing import Any

import pytest

from lback_cli.errors import UsageError
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.options import ImportOptions
from tests.installed_command import in_one_line


def test_accounts_of_shadow_are_imported_and_can_log_in(lback: Any, fixtures: Path, old_password: str) -> None:
    files = (str(fixtures / "shadow"), "--from", "shadow", "--companion", str(fixtures / "passwd"))
    imported = lback("user", "import", *files, "--email-domain", "example.org", "--mail", "none", "-o", "json")
    assert imported.status in {0, 8}, imported  # 8 where the system cannot verify yescrypt
    yescrypt = imported.status == 0
    before = {one["scheme"]: one["users"] for one in lback("user", "hashes", "-o", "json").result}
    expected = {"sha512_crypt": 3, "sha256_crypt": 1, "md5_crypt": 1, "bcrypt": 1, "unusable": 1}
    assert before == expected | ({"yescrypt": 1} if yescrypt else {})

    login = ("user", "authenticate", "sha256", "--allow-unverified", "--password-stdin", "-o", "json")
    assert lback(*login, input="not the password").status == 4
    assert lback(*login, input=old_password).status == 0
    after = {one["scheme"]: one["users"] for one in lback("user", "hashes", "-o", "json").result}
    expected = {**before, "argon2": 1}
    del expected["sha256_crypt"]
    assert after == expected


def test_companion_is_read_once_for_all_passes(tmp_path: Path) -> None:
    shadow, passwd = tmp_path / "shadow", tmp_path / "passwd"
    shadow.write_text("ann:*:1:0:9:7:::\nbackup:*:1:0:9:7:::\n")
    passwd.write_text("ann:x:1000:1::/:\nbackup:x:34:1::/:\n")
    options = ImportOptions(format="shadow", companion=passwd, email_domain="example.org")
    with contextlib.closing(InputFile(str(shadow), options)) as source:
        for content in ("backup:x:1034:1::/:\n", ""):
            assert [row.username for row in source.rows()] == ["ann"]
            passwd.write_text(content)
        assert [row.username for row in source.rows()] == ["ann"]
    with contextlib.closing(InputFile(str(shadow), options)) as another:
        assert another.digest != source.digest


def test_unreadable_companion_is_a_usage_error(lback: Any, tmp_path: Path) -> None:
    shadow, gone = tmp_path / "shadow", tmp_path / "gone"
    shadow.write_text("")
    result = lback("user", "import", str(shadow), "--from", "shadow", "--companion", str(gone), "-o", "json")
    assert (result.status, result.error["message"]) == (2, f"Cannot read {gone}: No such file or directory.")
    with pytest.raises(UsageError, match="is not a file"):
        InputFile(str(shadow), ImportOptions(format="shadow", companion=tmp_path))


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("users.LDIF", " For the file of another program, add --from ldif."),
        ("users.txt", ""),
        ("users", ""),
        ("-", ""),
    ],
)
def test_unknown_file_format_is_refused_with_the_options_for_its_name(lback: Any, name: str, more: str) -> None:
    result = lback("user", "import", name, "-o", "json")
    assert result.status == 2
    assert in_one_line(result.error).endswith(
        " does not show the format of the file. "
        f"Add --format with csv, jsonl, json or xlsx; --inspect finds out which.{more}"
    )
