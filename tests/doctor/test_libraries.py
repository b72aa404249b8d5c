"""The checks of the password hashing libraries."""

import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import bcrypt
import pytest
from argon2 import low_level

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.libraries import check_hashing, check_packages
from lback_cli.doctor.result import CheckResult
from lback_cli.settings import CompatSettings, PasswordSettings

from .harness import results_of

MakeContext = Callable[..., CheckContext]


def test_hashing_uses_the_configured_scheme_and_cost(make_context: MakeContext) -> None:
    found = check_hashing(make_context(ready=False))
    assert found.status == "ok"
    assert found.message.startswith("Argon2id (m=19456,t=2,p=1) takes ")
    assert found.message.endswith(" ms and verifies a published hash.")
    found = check_hashing(make_context(ready=False, compat=CompatSettings(lback_framework=True)))
    assert (found.status, found.message.partition(" takes")[0]) == ("ok", "bcrypt ($2b$12$)")


def test_too_little_memory_fails(make_context: MakeContext) -> None:
    import resource

    context = make_context(ready=False, password=PasswordSettings(memory=4 * 1024 * 1024, iterations=2, parallelism=1))
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (3 * 1024**3, limits[1]))
    try:
        found = results_of(context.settings)["hashing"]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert (found.status, found.message) == ("fail", "The password could not be hashed.")


def test_argon2_with_wrong_results_fails(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    """The altered library still verifies the hashes that it makes itself."""
    hash_secret, verify_secret = low_level.hash_secret, low_level.verify_secret
    monkeypatch.setattr(low_level, "hash_secret", lambda secret, **options: hash_secret(secret[::-1], **options))
    monkeypatch.setattr(low_level, "verify_secret", lambda text, secret, kind: verify_secret(text, secret[::-1], kind))
    assert check_hashing(make_context(ready=False)) == CheckResult(
        "hashing",
        "fail",
        "Argon2id (m=19456,t=2,p=1) computes wrong results.",
        "Reinstall libpass, argon2-cffi and bcrypt, and set no password until then.",
    )


def test_bcrypt_with_wrong_results_fails(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    hashpw = bcrypt.hashpw
    monkeypatch.setattr(bcrypt, "hashpw", lambda password, salt: hashpw(password[:-1], salt))
    found = check_hashing(make_context(ready=False, compat=CompatSettings(lback_framework=True)))
    assert (found.status, found.message) == ("fail", "bcrypt ($2b$12$) computes wrong results.")


def test_argon2_that_accepts_every_password_fails(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(low_level, "verify_secret", lambda *_: True)
    assert check_hashing(make_context(ready=False)).status == "fail"


def test_libpass_alone_passes() -> None:
    message = f"libpass {metadata.version('libpass')}; no conflicting passlib."
    assert check_packages() == CheckResult("packages", "ok", message)


def test_passlib_beside_libpass_fails(tmp_path: Path) -> None:
    """Install the real distributions of both, as pip leaves them; pip itself reports no conflict."""
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site)]
    done = subprocess.run([*install, "passlib==1.7.4"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"passlib cannot be installed: {done.stderr.strip().splitlines()[-1]}")
    program = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from lback_cli.doctor.libraries import check_packages\n"
        "found = check_packages(); print(found.status, found.message, found.hint, sep='|')"
    )
    shown = subprocess.run([sys.executable, "-c", program, str(site)], capture_output=True, text=True, check=True)
    assert shown.stdout.strip().split("|") == [
        "fail",
        f"passlib 1.7.4 and libpass {metadata.version('libpass')} are both installed and overwrite each other's files.",
        "Run: pip uninstall -y passlib && pip install --force-reinstall --no-deps libpass",
    ]
