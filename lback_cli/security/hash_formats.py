"""Convert the formats in which applications store password hashes to those of libpass.

Nothing here hashes, or decides whether a hash is acceptable; `PasswordHasher` does.
"""

import base64
import re
import struct
from collections.abc import Callable
from typing import NamedTuple

from lback_cli.security import kratos_hashes
from lback_cli.security.hash_encoding import (
    LONGEST_PBKDF2_KEY,
    HashFormatError,
    decoded,
    pbkdf2_hash,
    scrypt_hash,
)


class NativeHash(NamedTuple):
    """A hash in libpass's format: libpass's name of its *scheme*, and its *text*."""

    scheme: str
    text: str


_MODULAR = {
    "argon2id": "argon2",
    "argon2i": "argon2",
    "argon2d": "argon2",
    "2a": "bcrypt",
    "2b": "bcrypt",
    "2y": "bcrypt",
    "bcrypt-sha256": "bcrypt_sha256",
    "scrypt": "scrypt",
    "7": "scrypt",
    "pbkdf2": "pbkdf2_sha1",
    "pbkdf2-sha256": "pbkdf2_sha256",
    "pbkdf2-sha512": "pbkdf2_sha512",
    "y": "yescrypt",
    "6": "sha512_crypt",
    "5": "sha256_crypt",
    "sha1": "sha1_crypt",
    "1": "md5_crypt",
    "apr1": "apr_md5_crypt",
    "P": "phpass",
    "H": "phpass",
}
"""Schemes by the text between the first two dollar signs."""

SHORT_PBKDF2 = "short_pbkdf2"
"""The scheme of PBKDF2 hashes whose key is shorter than what libpass computes, for `short_pbkdf2`."""

_PBKDF2_DIGESTS = {"pbkdf2_sha1": "sha1", "pbkdf2_sha256": "sha256", "pbkdf2_sha512": "sha512"}

_DJANGO = {
    "pbkdf2_sha256": "django_pbkdf2_sha256",
    "pbkdf2_sha1": "django_pbkdf2_sha1",
    "bcrypt_sha256": "django_bcrypt_sha256",
    "sha1": "django_salted_sha1",
    "md5": "django_salted_md5",
}
_UNSALTED = {"sha1": "SHA", "md5": "MD5"}
"""Django's digests without salt, and their LDAP names."""

_LDAP_DIGESTS = {
    "SSHA512": "ldap_salted_sha512",
    "SSHA256": "ldap_salted_sha256",
    "SSHA": "ldap_salted_sha1",
    "SMD5": "ldap_salted_md5",
    "SHA": "ldap_sha1",
    "MD5": "ldap_md5",
    "PKCS5S2": "atlassian_pbkdf2_sha1",
}
_UNSALTED_SIZES = {"SHA": 20, "MD5": 16}
"""Bytes of a digest without salt; libpass parses any number of bytes, and then accepts no password."""

_LDAP_HEX = {"SHA256": "hex_sha256", "SHA512": "hex_sha512"}
_LDAP_WRAPPERS = frozenset(
    {"CRYPT", "ARGON2", "ARGON2I", "ARGON2ID", "BCRYPT", "BLF-CRYPT", "MD5-CRYPT", "SHA256-CRYPT", "SHA512-CRYPT"}
)
"""Prefixes of OpenLDAP and Dovecot before a hash in the format of crypt(3)."""

_BCRYPTS = frozenset({"bcrypt", "bcrypt_sha256", "django_bcrypt_sha256"})
_BCRYPT_LETTERS = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BCRYPT_END = re.compile(r"(.*\$)([./A-Za-z0-9]{22})(\$?)([./A-Za-z0-9]{31})")
"""16 bytes of salt and 23 of digest, six bits in each letter: four and two bits are unused."""

_LDAP = re.compile(r"\{([A-Za-z0-9_-]+)\}(.+)")
_NEXTCLOUD = re.compile(r"[123]\|\$")
"""The version of Nextcloud's hasher, before a hash by bcrypt or Argon2."""

_DES = re.compile(r"[./0-9A-Za-z]{13}")


def native_hash(stored: str) -> NativeHash | None:
    """Return *stored* in libpass's format, or None if its format is unknown.

    The known formats are libpass's own and those of crypt(3), Django, Werkzeug, OpenLDAP and Dovecot. The result may
    still be invalid: only libpass's parser checks that. Unused bits of bcrypt's base64 are cleared; libpass would do so
    with a warning.
    """
    try:
        found = _native(stored)
    except ValueError:
        return None
    if found is None or found.scheme not in _BCRYPTS or (match := _BCRYPT_END.fullmatch(found.text)) is None:
        return found
    start, salt, between, digest = match.groups()
    return NativeHash(found.scheme, f"{start}{_cleared(salt, 4)}{between}{_cleared(digest, 2)}")


def _cleared(text: str, bits: int) -> str:
    """Return *text* with the last *bits* of its last letter cleared."""
    value = _BCRYPT_LETTERS.index(text[-1])
    return text[:-1] + _BCRYPT_LETTERS[value >> bits << bits]


def is_known_form(stored: str) -> bool:
    """Return whether *stored* begins like a hash in a known format."""
    try:
        return _native(stored) is not None
    except ValueError:
        return True


def format_problem(stored: str) -> str | None:
    """Return why *stored*, which begins like a hash in a known format, is none, as the predicate of a sentence.

    None means that there is nothing to say besides that it is damaged.
    """
    try:
        _native(stored)
    except HashFormatError as error:
        return str(error)
    except ValueError:
        pass
    return None


def _native(stored: str) -> NativeHash | None:
    """Return *stored* in libpass's format. Raises ValueError if it only begins like a known format."""
    if stored.startswith("$"):
        return _modular(stored)
    if _NEXTCLOUD.match(stored):
        return _modular(stored[2:])
    return _ldap(stored) if stored.startswith("{") else _worded(stored)


def _modular(stored: str) -> NativeHash | None:
    scheme = _MODULAR.get(stored[1 : stored.find("$", 1)])
    if stored.startswith("$p5k2$"):
        # Two libraries use the prefix: one for 20 bytes in base64, which end in padding, the other for 24.
        scheme = "cta_pbkdf2_sha1" if stored.endswith("=") else "dlitz_pbkdf2_sha1"
    elif kratos_hashes.is_own_form(stored):
        # What is written in another format begins with another character, or has another prefix.
        native = kratos_hashes.native_form(stored)
        return None if native == stored else _native(native)
    elif (digest := _PBKDF2_DIGESTS.get(scheme or "")) is not None:
        return _pbkdf2(digest, stored)
    return None if scheme is None else NativeHash(scheme, stored)


def _pbkdf2(digest: str, stored: str) -> NativeHash:
    """Return a hash by PBKDF2 in libpass's format, with a key that is as long as libpass computes it, or shorter."""
    _, _, rounds, salt, key = stored.split("$")
    raw, size = decoded(key), LONGEST_PBKDF2_KEY[digest]
    scheme = f"pbkdf2_{digest}" if len(raw) >= size else SHORT_PBKDF2
    return NativeHash(scheme, stored if len(raw) == size else pbkdf2_hash(digest, int(rounds), decoded(salt), raw))


def _ldap(stored: str) -> NativeHash | None:
    match = _LDAP.fullmatch(stored)
    if match is None:
        return None
    # Scheme names are case-insensitive (RFC 3112 section 2).
    name, rest = match[1].upper(), match[2]
    if scheme := _LDAP_DIGESTS.get(name):
        size = _UNSALTED_SIZES.get(name)
        return NativeHash(scheme, f"{{{name}}}{rest if size is None else _unsalted(rest, size)}")
    if convert := _LDAP_CONVERTERS.get(name):
        return _modular(convert(rest))
    if scheme := _LDAP_HEX.get(name):
        return NativeHash(scheme, decoded(rest).hex())
    if name in _LDAP_WRAPPERS and rest.startswith("$"):
        return _modular(rest)
    # Without its prefix a DES hash is just 13 letters.
    return NativeHash("des_crypt", rest) if name in {"CRYPT", "DES-CRYPT"} and _DES.fullmatch(rest) else None


def _unsalted(digest: str, size: int) -> str:
    """Return *digest* of *size* bytes in base64; some directories store it in hex. Raises ValueError."""
    raw = bytes.fromhex(digest) if len(digest) == 2 * size else decoded(digest)
    if len(raw) != size:
        raise ValueError(f"a digest of {len(raw)} bytes")
    return base64.b64encode(raw).decode("ascii")


def _worded(stored: str) -> NativeHash | None:
    """Convert the formats of Django and Werkzeug, which begin with a word."""
    method, _, rest = stored.partition("$")
    name, _, parameters = method.partition(":")
    if parameters:
        convert = _WERKZEUG.get(name)
        return None if convert is None else _modular(convert(parameters, rest))
    if rewrite := _DJANGO_WRAPPERS.get(name):
        return rewrite(rest)
    if name in _UNSALTED and rest.startswith("$"):
        return _ldap(f"{{{_UNSALTED[name]}}}{base64.b64encode(bytes.fromhex(rest[1:])).decode()}")
    scheme = _DJANGO.get(name)
    return None if scheme is None else NativeHash(scheme, stored)


def _django_scrypt(rest: str) -> NativeHash | None:
    cost, salt, block_size, parallelism, key = rest.split("$")
    return _modular(scrypt_hash(int(cost), int(block_size), int(parallelism), salt.encode(), decoded(key)))


def _openldap_pbkdf2(digest: str) -> Callable[[str], str]:
    """Return a function that converts a hash of OpenLDAP's module: rounds, salt and key."""

    def convert(rest: str) -> str:
        rounds, salt, key = rest.split("$")
        return pbkdf2_hash(digest, int(rounds), decoded(salt), decoded(key))

    return convert


def _fedora_pbkdf2(rest: str) -> str:
    """Convert a hash of 389 Directory Server: the rounds in four bytes, 64 of salt and 256 of key."""
    packed = decoded(rest)
    (rounds,) = struct.unpack(">I", packed[:4])
    return pbkdf2_hash("sha256", rounds, packed[4:68], packed[68:])


def _forgerock_pbkdf2(digest: str) -> Callable[[str], str]:
    """Return a function that converts a hash of ForgeRock and Ping Directory Services: rounds, key and salt."""

    def convert(rest: str) -> str:
        rounds, _, packed = rest.partition(":")
        raw, size = decoded(packed), LONGEST_PBKDF2_KEY[digest]
        return pbkdf2_hash(digest, int(rounds), raw[size:], raw[:size])

    return convert


_LDAP_CONVERTERS: dict[str, Callable[[str], str]] = {
    "PBKDF2": _openldap_pbkdf2("sha1"),
    "PBKDF2-SHA1": _openldap_pbkdf2("sha1"),
    "PBKDF2-SHA256": _openldap_pbkdf2("sha256"),
    "PBKDF2-SHA512": _openldap_pbkdf2("sha512"),
    "PBKDF2_SHA256": _fedora_pbkdf2,
    "PBKDF2-HMAC-SHA1": _forgerock_pbkdf2("sha1"),
    "PBKDF2-HMAC-SHA256": _forgerock_pbkdf2("sha256"),
    "PBKDF2-HMAC-SHA512": _forgerock_pbkdf2("sha512"),
}
"""Converters of PBKDF2 hashes to libpass's format, by the name before them."""

_DJANGO_WRAPPERS: dict[str, Callable[[str], NativeHash | None]] = {
    "argon2": lambda rest: _modular(f"${rest}"),
    "bcrypt": _modular,
    "crypt": lambda rest: _ldap("{CRYPT}" + rest.rpartition("$")[2]),
    "scrypt": _django_scrypt,
}


def _werkzeug_pbkdf2(parameters: str, rest: str) -> str:
    # The rounds must be given: their default depended on the version of Werkzeug.
    digest, rounds = parameters.split(":")
    salt, _, key = rest.partition("$")
    return pbkdf2_hash(digest, int(rounds), salt.encode(), bytes.fromhex(key))


def _werkzeug_scrypt(parameters: str, rest: str) -> str:
    cost, block_size, parallelism = map(int, parameters.split(":"))
    salt, _, key = rest.partition("$")
    return scrypt_hash(cost, block_size, parallelism, salt.encode(), bytes.fromhex(key))


_WERKZEUG: dict[str, Callable[[str, str], str]] = {"pbkdf2": _werkzeug_pbkdf2, "scrypt": _werkzeug_scrypt}
