"""Checks of the installed password hashing libraries."""

import time
from importlib import metadata

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult, evaluate
from lback_cli.problem import Problem

_REINSTALL_LIBPASS = "Run: pip uninstall -y passlib && pip install --force-reinstall --no-deps libpass"

_PASSWORD = "a password that no user has"  # noqa: S105 - not a secret


def check_packages() -> CheckResult:
    """Check that passlib is not installed beside libpass.

    Both install a package ``passlib`` and overwrite each other's files, so the code of either may run, and
    uninstalling one breaks the other. passlib 1.7.4 raises on every bcrypt hash.
    """
    libpass, passlib = _version("libpass"), _version("passlib")
    errors = []
    if passlib is not None:
        message = (
            f"passlib {passlib} is installed instead of libpass."
            if libpass is None
            else f"passlib {passlib} and libpass {libpass} are both installed and overwrite each other's files."
        )
        errors.append(Problem(message, _REINSTALL_LIBPASS))
    return evaluate("packages", f"libpass {libpass}; no conflicting passlib.", errors=errors)


def check_hashing(context: CheckContext) -> CheckResult:
    """Hash and verify a password at the configured cost, and verify a published hash.

    Raises:
        PasswordHashingError: The password could not be hashed, usually because memory is short.
    """
    from lback_cli.security.passwords import PasswordHasher

    framework = context.settings.compat.lback_framework
    settings = context.settings.password
    hasher = PasswordHasher(settings, framework=framework)
    started = time.perf_counter()
    stored = hasher.hash(_PASSWORD)
    milliseconds = round((time.perf_counter() - started) * 1000)
    cost = f"m={settings.memory},t={settings.iterations},p={settings.parallelism}"
    name = "bcrypt ($2b$12$)" if framework else f"Argon2id ({cost})"
    accepts = hasher.verify(_PASSWORD, stored).accepted and not hasher.verify(_PASSWORD.upper(), stored).accepted
    if accepts and hasher.computes_published_hash():
        return CheckResult("hashing", "ok", f"{name} takes {milliseconds} ms and verifies a published hash.")
    return CheckResult(
        "hashing",
        "fail",
        f"{name} computes wrong results.",
        "Reinstall libpass, argon2-cffi and bcrypt, and set no password until then.",
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
