"""Verify PBKDF2 hashes whose key is shorter than one block, which libpass does not.

A shorter key is the beginning of the longer one (RFC 8018, section 5.2). The text is that of libpass's own PBKDF2, and
the functions are those of a libpass handler.
"""

import hashlib
import hmac
import re
from typing import NamedTuple

from lback_cli.security.hash_encoding import LEAST_KEY, LONGEST_PBKDF2_KEY, decoded

_FORM = re.compile(r"\$pbkdf2(-sha256|-sha512|)\$([0-9]{1,10})\$([A-Za-z0-9./+]+)\$([A-Za-z0-9./+]+)")


class ShortPbkdf2(NamedTuple):
    """A parsed hash.

    Attributes:
        digest: The digest that HMAC uses.
        rounds: How often it is used.
        salt: The salt.
        checksum: The key.
    """

    digest: str
    rounds: int
    salt: bytes
    checksum: bytes


def from_string(text: str) -> ShortPbkdf2:
    """Parse *text*.

    Raises:
        ValueError: It is not a PBKDF2 hash with a key of that length.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError("no PBKDF2 hash")
    digest = match[1].removeprefix("-") or "sha1"
    parsed = ShortPbkdf2(digest, int(match[2]), decoded(match[3]), decoded(match[4]))
    if not LEAST_KEY <= len(parsed.checksum) < LONGEST_PBKDF2_KEY[digest] or not parsed.rounds:
        raise ValueError("a key of another length, or no rounds")
    return parsed


def verify(password: str, text: str) -> bool:
    """Return whether *text* is a hash of *password*."""
    parsed = from_string(text)
    key = hashlib.pbkdf2_hmac(parsed.digest, password.encode(), parsed.salt, parsed.rounds, len(parsed.checksum))
    return hmac.compare_digest(key, parsed.checksum)
