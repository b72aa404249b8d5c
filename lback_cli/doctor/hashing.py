"""Whether passwords can be hashed, and are hashed right."""

import time

from lback_cli.doctor.context import CheckContext
from lback_cli.doctor.result import CheckResult

_PASSWORD = "a password that nobody has"  # noqa: S105 - it is nobody's


def check_hashing(patient: CheckContext) -> CheckResult:
    """Hash and verify at the configured cost, and compute a published test vector.

    Raises `PasswordHashingError`, for want of memory above all.
    """
    from lback_cli.security.passwords import PasswordHasher
    from lback_cli.security.self_test import argon2id_is_right, bcrypt_is_right

    framework = patient.settings.compat.lback_framework
    settings = patient.settings.password
    hasher = PasswordHasher(settings, framework=framework)
    started = time.perf_counter()
    stored = hasher.hash(_PASSWORD)
    milliseconds = round((time.perf_counter() - started) * 1000)
    cost = f"m={settings.memory},t={settings.iterations},p={settings.parallelism}"
    name, vector = ("bcrypt ($2b$12$)", "crypt_blowfish") if framework else (f"Argon2id ({cost})", "RFC 9106")
    accepts = hasher.verify(_PASSWORD, stored).accepted and not hasher.verify(_PASSWORD.upper(), stored).accepted
    if accepts and (bcrypt_is_right() if framework else argon2id_is_right()):
        return CheckResult("hashing", "ok", f"{name} takes {milliseconds} ms and computes the test vector of {vector}.")
    return CheckResult(
        "hashing",
        "fail",
        f"{name} does not compute what it should.",
        "Install libpass, argon2-cffi and bcrypt afresh; until then set no password.",
    )
