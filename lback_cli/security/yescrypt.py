"""Verify yescrypt, which Debian, Ubuntu and Fedora hash passwords with, by the libcrypt of the system that has it.

No Python library knows the scheme. Where there is no libxcrypt, as on macOS, its hashes count as unknown. The functions
are those of a libpass handler.
"""

import ctypes
import hmac
import re
from functools import cache
from typing import Any, NamedTuple

# Costs 1 to 9 of libxcrypt's crypt_gensalt; N and r follow the j, and the last of these takes 256 MiB.
_FORM = re.compile(r"\$y\$j(?:[78]5|[7-9A-D]T)\$[./0-9A-Za-z]{1,86}\$([./0-9A-Za-z]{43})")
_COST = re.compile(r"\$y\$j([./0-9A-Za-z])([./0-9A-Za-z])\$")
_DIGITS = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LIBRARIES = ("libcrypt.so.2", "libcrypt.so.1")
_CRYPT_DATA_SIZE = 32768  # of struct crypt_data, crypt(3)


class Yescrypt(NamedTuple):
    """A hash that can be verified."""

    checksum: str


def from_string(text: str) -> Yescrypt:
    """The parts of *text*. Raises ValueError when it is no such hash, costs too much, or cannot be verified here."""
    match = _FORM.fullmatch(text)
    if match is None or _library() is None:
        raise ValueError("no yescrypt hash for this system")
    return Yescrypt(match[1])


def memory(text: str) -> int | None:
    """The KiB that *text* asks for, or None when it does not say so in libxcrypt's way."""
    match = _COST.match(text)
    if match is None:
        return None
    # Each is written as one less, that of N as its logarithm; the memory is 128 bytes times N * r.
    logarithm, block_size = (_DIGITS.index(digit) + 1 for digit in match.groups())
    return (block_size << logarithm) // 8


def is_available() -> bool:
    """Whether this system can verify any such hash."""
    return _library() is not None


def verify(password: str, text: str) -> bool:
    """Whether *text* is a hash of *password*."""
    library = _library()
    if library is None or "\0" in password:  # where C's text ends
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
