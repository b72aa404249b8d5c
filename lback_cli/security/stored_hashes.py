"""Stored password hashes: the placeholder for no password, weak schemes, and schemes that lback cannot verify."""

from collections.abc import Mapping
from typing import NamedTuple

UNUSABLE_PASSWORD = "!"  # noqa: S105 - no password matches it
"""The hash of a user without a password."""

UNUSABLE_BCRYPT = "$2b$12$" + 53 * "."
"""The same beside an application built on the lback framework, which fails on anything but a bcrypt hash.

Salt and digest are zeros; no known password has that hash.
"""

WEAKNESSES: Mapping[str, str] = {
    "ldap_md5": "unsalted MD5",
    "ldap_sha1": "unsalted SHA-1",
    "hex_sha256": "unsalted SHA-256",
    "hex_sha512": "unsalted SHA-512",
    "ldap_salted_md5": "one round of MD5",
    "ldap_salted_sha1": "one round of SHA-1",
    "ldap_salted_sha256": "one round of SHA-256",
    "ldap_salted_sha512": "one round of SHA-512",
    "django_salted_md5": "one round of MD5",
    "django_salted_sha1": "one round of SHA-1",
    "md5_crypt": "1,000 rounds of MD5",
    "apr_md5_crypt": "1,000 rounds of MD5",
    "phpass": "iterated MD5",
    "des_crypt": "DES of at most 8 ASCII characters",
}
"""Schemes that are quickly broken once a hash leaks. Their hashes are accepted, and replaced at the first login."""

UNVERIFIABLE: Mapping[str, str] = {
    "$gy$": "gost-yescrypt",
    "$2x$": "the broken bcrypt of crypt_blowfish before 1.1",
    "$3$": "an NT hash",
    "$md5$pf=": "Kratos's MD5 of another order of password and salt",
    "$md5": "Sun's MD5",
    "$scram$": "a set of SCRAM keys",
    "grub.pbkdf2.": "GRUB's PBKDF2",
    "{FSHP": "FSHP",
    "$wp$": "WordPress's bcrypt over HMAC-SHA-384",
    "$firescrypt$": "Firebase's scrypt",
    "$hmac-": "a keyed digest",
    "{SASL}": "a reference to another server",
    "{KERBEROS}": "a reference to another server",
}
"""Hashes that lback recognises but cannot verify, by their first characters."""


class StoredHash(NamedTuple):
    """A hash that lback can verify.

    *scheme* and *text* are libpass's name of the scheme and libpass's spelling of the hash. *current* is true for the
    configured scheme and cost, whose hashes no login replaces.
    """

    scheme: str
    text: str
    current: bool = False

    @property
    def weakness(self) -> str | None:
        """Why the scheme is weak, in a few words, or None."""
        return WEAKNESSES.get(self.scheme)


def is_unusable(stored: str) -> bool:
    """Return whether *stored* stands for a user without a password."""
    return stored in {UNUSABLE_PASSWORD, UNUSABLE_BCRYPT}
