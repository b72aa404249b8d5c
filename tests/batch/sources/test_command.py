"""A system's accounts move in by the command line, and `lback user hashes` tells how far the move is."""

from pathlib import Path
from typing import Any


def test_shadow_moves_in_and_its_users_log_in_one_by_one(lback: Any, fixtures: Path, old_password: str) -> None:
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
