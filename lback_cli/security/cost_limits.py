"""The most work that a stored hash may require: it comes from outside, and a costly one may be an attack."""

from collections.abc import Callable
from typing import Any

from lback_cli.settings.schema import PasswordSettings

MAXIMUM_LENGTH = 255
"""Characters of a stored hash: what its column in the users table holds."""

MAXIMUM_MEMORY = 256 * 1024
"""KiB."""

MAXIMUM_ARGON2_ITERATIONS = 10
MAXIMUM_ARGON2_LANES = 8
MAXIMUM_ARGON2_WORK = 1024 * 1024
"""KiB that all iterations of Argon2 fill together: memory * iterations. Lanes only share that work.

That is five times the default, and as much as 256 MiB in four iterations. RFC 9106's first option, 2 GiB in one
iteration, exceeds `MAXIMUM_MEMORY`.
"""

MAXIMUM_SCRYPT_LOG_N = 17
MAXIMUM_SCRYPT_WORK = 2**21
"""N * r * p of scrypt (RFC 7914), whose memory is 128 * N * r bytes."""

MAXIMUM_ROUNDS = {
    "bcrypt": 14,
    "bcrypt_sha256": 14,
    "django_bcrypt_sha256": 14,
    "pbkdf2_sha256": 2_000_000,
    "pbkdf2_sha512": 2_000_000,
    "pbkdf2_sha1": 2_000_000,
    "short_pbkdf2": 2_000_000,
    "cta_pbkdf2_sha1": 2_000_000,
    "dlitz_pbkdf2_sha1": 1_000_000,  # each computes two blocks
    "sha1_crypt": 1_000_000,
    "django_pbkdf2_sha256": 2_000_000,
    "django_pbkdf2_sha1": 2_000_000,
    "sha512_crypt": 1_000_000,
    "sha256_crypt": 1_000_000,
    "phpass": 20,
}
"""Rounds of the other schemes; up to `LARGEST_LOGARITHM` the number is their binary logarithm."""

LARGEST_LOGARITHM = 31


def exceeded_limit(scheme: str, parsed: Any, settings: PasswordSettings) -> str | None:
    """Return which limit a hash exceeds, as the predicate of a sentence about the hash, or None.

    Args:
        scheme: libpass's name of the scheme.
        parsed: the hash as libpass's handler parsed it.
        settings: the configured cost of Argon2, which is allowed even above the limits.
    """
    if scheme == "argon2":
        return (
            _over(parsed.memory_cost, max(MAXIMUM_MEMORY, settings.memory), "{} of memory", _size)
            or _over(parsed.rounds, max(MAXIMUM_ARGON2_ITERATIONS, settings.iterations), "{} iterations")
            or _over(parsed.parallelism, max(MAXIMUM_ARGON2_LANES, settings.parallelism), "{} lanes")
            or _over(
                parsed.memory_cost * parsed.rounds,
                max(MAXIMUM_ARGON2_WORK, settings.memory * settings.iterations),
                "{} of memory in all iterations",
                _size,
            )
        )
    if scheme == "scrypt":
        work = parsed.block_size << parsed.rounds
        return (
            _over(work // 8, MAXIMUM_SCRYPT_WORK // 8, "{} of memory", _size)
            or _over(parsed.rounds, MAXIMUM_SCRYPT_LOG_N, "N = {}", "2^{}".format)
            or _over(work * parsed.parallelism, MAXIMUM_SCRYPT_WORK, "N * r * p = {}")
        )
    if scheme in MAXIMUM_ROUNDS:
        limit = MAXIMUM_ROUNDS[scheme]
        return _over(parsed.rounds, limit, "cost {}" if limit <= LARGEST_LOGARITHM else "{} rounds")
    return None


def exceeded_memory(kib: int) -> str | None:
    """Return that *kib* exceeds the limit on memory, in the words of `exceeded_limit`, or None."""
    return _over(kib, MAXIMUM_MEMORY, "{} of memory", _size)


def _over(value: int, limit: int, unit: str, written: Callable[[int], str] = "{:,}".format) -> str | None:
    if value <= limit:
        return None
    return f"requires {unit.format(written(value))}; the limit is {written(limit)}"


def _size(kib: int) -> str:
    """Return *kib* in the largest unit that it fills."""
    for unit, name in ((2**20, "GiB"), (2**10, "MiB")):
        if kib >= unit:
            return f"{kib / unit:,.6g} {name}"
    return f"{kib} KiB"
