"""Memory that one hash leaves for the next."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

_ENDLESS: Final = 2**31 - 1  # bytes, the most that mallopt takes

_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_ARENA_MAX: Final = -8
"""Parameters of mallopt(3), by their numbers in malloc.h."""

_DEFAULTS: Final = {_MMAP_THRESHOLD: 128 * 1024, _TRIM_THRESHOLD: 128 * 1024, _ARENA_MAX: 0}


@contextmanager
def kept_memory() -> Iterator[None]:
    """Have glibc keep large blocks that were freed; other allocators are left alone.

    A hash of Argon2 takes 64 MiB. Each would be fetched from the kernel, which clears every page of it, and given back:
    a fifth of the time where all cores hash. The arenas of threads are too small for it, so there is to be one for all;
    a thread that takes over an arena from before gains nothing.
    """
    libc = _glibc()
    if libc is None:
        yield
        return
    for parameter, value in ((_ARENA_MAX, 1), (_MMAP_THRESHOLD, _ENDLESS), (_TRIM_THRESHOLD, _ENDLESS)):
        libc.mallopt(parameter, value)
    try:
        yield
    finally:
        for parameter, value in _DEFAULTS.items():
            libc.mallopt(parameter, value)
        libc.malloc_trim(0)


def _glibc() -> Any | None:
    if sys.platform != "linux":
        return None
    import ctypes

    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None
