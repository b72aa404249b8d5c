"""Verify yescrypt, the scheme of Debian, Ubuntu and Fedora, with the system's libcrypt.

No Python library implements it. On a system without libxcrypt, such as macOS, its hashes cannot be verified. The
functions are those of a libpass handler.
"""

import ctypes
import hmac
import re
from functools import cache
from typing import Any, NamedTuple

# Costs 1 to 9 of libxcrypt's crypt_gensalt, which needs up to 256 MiB. N and r follow the j.
_FORM = re.compile(r"\$y\$j(?:[78]5|[7-9A-D]T)\$[./0-9A-Za-z]{1,86}\$([./0-9A-Za-z]{43})")
_COST = re.compile(r"\$y\$j([./0-9A-Za-z])([./0-9A-Za-z])\$")
_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LIBRARIES = ("libcrypt.so.2", "libcrypt.so.1")
_CRYPT_DATA_SIZE = 32768  # bytes of struct crypt_data in crypt(3)


class Yescrypt(NamedTuple):
    """A parsed hash."""

    checksum: str


def from_string(text: str) -> Yescrypt:
    """Parse *text*.

    Raises:
        ValueError: It is not a yescrypt hash, is too costly, or cannot be verified on this system.
    """
    match = _FORM.fullmatch(text)
    if match is None or _library() is None:
        raise ValueError("no yescrypt hash for this system")
    return Yescrypt(match[1])


def memory(text: str) -> int | None:
    """Return the KiB of memory that *text* requires, or None if its parameters are not libxcrypt's."""
    match = _COST.match(text)
    if match is None:
        return None
    # Both are encoded as one less, and N as its logarithm. The memory is 128 * N * r bytes.
    logarithm, block_size = (_DIGITS.index(digit) + 1 for digit in match.groups())
    return (block_size << logarithm) // 8


def is_available() -> bool:
    """Return whether this system can verify yescrypt."""
    return _library() is not None


def verify(password: str, text: str) -> bool:
    """Return whether *text* is a hash of *password*."""
    library = _library()
    if library is None or "\0" in password:  # C strings end there
        return False
    data = ctypes.create_string_buffer(_CRYPT_DATA_SIZE)
    found = library.crypt_rn(password.encode(), text.encode(), data, _CRYPT_DATA_SIZE)
    return found is not None and hmac.compare_digest(found, text.encode())


@cache
def _library() -> Any:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
            library.crypt_rn.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int]
            library.crypt_rn.restype = ctypes.c_char_p
        except (OSError, AttributeError):
            continue
        return library
    return None
