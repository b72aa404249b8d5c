"""The hash formats that only Ory Kratos has, written as other applications write the same hashes."""

import base64
import re
from contextlib import suppress

from lback_cli.security.hash_encoding import decoded, pbkdf2_hash, scrypt_hash

_CRYPT = {"$md5-crypt$": "$1$", "$sha256-crypt$": "$5$", "$sha512-crypt$": "$6$"}
_PBKDF2 = re.compile(r"\$pbkdf2-(sha[0-9]+)\$i=([0-9]{1,10}),l=[0-9]+\$([^$]+)\$([^$]+)")
_SCRYPT = re.compile(r"\$scrypt\$ln=([0-9]{1,10}),r=([0-9]{1,5}),p=([0-9]{1,5})\$([^$]+)\$([^$]+)")
_SALTED = re.compile(r"\$(md5|sha1|sha256|sha512)\$pf=([^$]+)\$([^$]+)\$([^$]+)")
_UNSALTED = re.compile(r"\$md5\$([A-Za-z0-9+/]{22}(?:==)?)")
_SALT_LAST, _SALT_FIRST = b"{PASSWORD}{SALT}", b"{SALT}{PASSWORD}"

_LDAP_NAMES = {"md5": "SMD5", "sha1": "SSHA", "sha256": "SSHA256", "sha512": "SSHA512"}
"""The names of digests of a password and a salt in LDAP."""

_DJANGO_NAMES = frozenset({"md5", "sha1"})
"""Digests of a salt and a password that Django has."""

_TEXT = re.compile(rb"[!-#%-~]+")
"""A salt that Django's format can hold: printable ASCII without a dollar sign."""

_LEAST_COST = 32  # libpass's own scrypt has the logarithm of the cost in its place, which is never this high


def is_own_form(stored: str) -> bool:
    """Return whether *stored* has a format that only Kratos writes."""
    return (
        any(map(stored.startswith, _CRYPT))
        or any(pattern.fullmatch(stored) for pattern in (_PBKDF2, _SALTED, _UNSALTED))
        or _scrypt_match(stored) is not None
    )


def native_form(stored: str) -> str:
    """Return *stored* in a format that other programs know too, if it has one of Kratos's own and there is one."""
    for prefix, native in _CRYPT.items():
        if stored.startswith(prefix):
            return native + stored.removeprefix(prefix)
    # A damaged hash stays as it is, and is refused where all hashes are validated.
    with suppress(ValueError):
        if match := _PBKDF2.fullmatch(stored):
            digest, rounds, salt, key = match.groups()
            return pbkdf2_hash(digest, int(rounds), decoded(salt), decoded(key))
        if match := _scrypt_match(stored):
            cost, block_size, parallelism, salt, key = match.groups()
            return scrypt_hash(int(cost), int(block_size), int(parallelism), decoded(salt), decoded(key))
        if match := _UNSALTED.fullmatch(stored):
            return f"{{MD5}}{base64.b64encode(decoded(match[1])).decode()}"
        if match := _SALTED.fullmatch(stored):
            order, salt, key = map(decoded, match.groups()[1:])
            return _salted(match[1], order, salt, key) or stored
    return stored


def _salted(digest: str, order: bytes, salt: bytes, key: bytes) -> str | None:
    """Return a digest of password and salt in the format of LDAP or Django, or None if neither has that *order*."""
    if order == _SALT_LAST:
        return f"{{{_LDAP_NAMES[digest]}}}{base64.b64encode(key + salt).decode()}"
    if order == _SALT_FIRST and digest in _DJANGO_NAMES and _TEXT.fullmatch(salt):
        return f"{digest}${salt.decode('ascii')}${key.hex()}"
    return None


def _scrypt_match(stored: str) -> re.Match[str] | None:
    match = _SCRYPT.fullmatch(stored)
    return match if match is not None and int(match[1]) >= _LEAST_COST else None
