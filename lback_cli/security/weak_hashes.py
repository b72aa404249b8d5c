"""Which schemes protect a leaked password badly, and which cannot be verified at all."""

from collections.abc import Mapping

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
    "phpass": "rounds of MD5",
    "des_crypt": "DES, for passwords of at most 8 ASCII characters",
}
"""By scheme. Their passwords are still accepted, once: the first login replaces the hash."""

UNVERIFIABLE: Mapping[str, str] = {
    "$y$": "yescrypt without libxcrypt, or in none of its forms",
    "$gy$": "gost-yescrypt",
    "$2x$": "the broken bcrypt of crypt_blowfish before 1.1",
    "$3$": "an NT hash",
    "$md5": "Sun's MD5",
    "$scram$": "a set of SCRAM's keys",
    "grub.pbkdf2.": "GRUB's PBKDF2",
    "{FSHP": "FSHP",
    "$wp$": "WordPress's bcrypt over HMAC-SHA-384",
    "$firescrypt$": "Firebase's scrypt",
    "$hmac-": "a keyed digest",
    "{SASL}": "a reference to another server",
    "{KERBEROS}": "a reference to another server",
}
"""What hashes that lback cannot verify are called, by how they begin."""
