"""Write password hashes of other applications as libpass writes its own, from their parameters."""

import base64

LONGEST_PBKDF2_KEY = {"sha1": 20, "sha256": 32, "sha512": 64}
"""Bytes of a PBKDF2 key that libpass computes, by digest.

They are one block. Blocks are independent (RFC 8018 section 5.2), so a longer key can be cut to its first block.
"""

LEAST_KEY = 16
"""Bytes of a PBKDF2 key at least; a shorter one could match by chance."""

_SCRYPT_KEY = 32
"""Bytes of a scrypt key that libpass computes. It is PBKDF2's output (RFC 7914 section 6), so it can be cut too."""


class HashFormatError(ValueError):
    """A hash cannot be written in a format that lback verifies. The message is the predicate of a sentence about it."""


def pbkdf2_hash(digest: str, rounds: int, salt: bytes, key: bytes) -> str:
    """Return a hash by PBKDF2 with HMAC over *digest* (sha1, sha256 or sha512) in libpass's format.

    A key that is longer than what libpass computes is cut. For one that is shorter, see `short_pbkdf2`.

    Raises:
        HashFormatError: The digest is unknown, or the key too short.
    """
    size = LONGEST_PBKDF2_KEY.get(digest)
    if size is None:
        raise HashFormatError(f"uses PBKDF2 with {digest[:40]}, which lback does not support")
    if len(key) < LEAST_KEY:
        raise HashFormatError(f"has a key of {len(key)} bytes, of which lback needs {LEAST_KEY}")
    name = "pbkdf2" if digest == "sha1" else f"pbkdf2-{digest}"
    return f"${name}${rounds}${_adapted(salt)}${_adapted(key[:size])}"


def scrypt_hash(cost: int, block_size: int, parallelism: int, salt: bytes, key: bytes) -> str:
    """Return a hash by scrypt with N = *cost*, r = *block_size* and p = *parallelism* (RFC 7914) in libpass's format.

    Raises:
        HashFormatError: The key is too short, or *cost* is not a power of two.
    """
    if len(key) < _SCRYPT_KEY:
        raise HashFormatError(f"has a key of {len(key)} bytes, of which lback needs {_SCRYPT_KEY}")
    if cost < 2 or cost & (cost - 1):  # noqa: PLR2004 - N is a power of two
        raise HashFormatError(f"has the scrypt cost {cost}, which is not a power of two")
    parameters = f"ln={cost.bit_length() - 1},r={block_size},p={parallelism}"
    return f"$scrypt${parameters}${_unpadded(salt)}${_unpadded(key[:_SCRYPT_KEY])}"


def argon2_hash(
    kind: str, *, version: int, memory: int, iterations: int, parallelism: int, salt: bytes, tag: bytes
) -> str:
    """Return a hash by Argon2 of *kind* (d, i or id), with *memory* in KiB, in the PHC string format."""
    cost = f"m={memory},t={iterations},p={parallelism}"
    return f"$argon2{kind}$v={version}${cost}${_unpadded(salt)}${_unpadded(tag)}"


def decoded(text: str) -> bytes:
    """Decode base64, padded or not, in the standard alphabet or crypt's adapted one. Raises ValueError."""
    text = text.rstrip("=").replace(".", "+")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def _unpadded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii").rstrip("=")


def _adapted(data: bytes) -> str:
    return _unpadded(data).replace("+", ".")
