"""Read secrets from the files that the configuration names."""

import re
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from lback_cli.errors import ConfigurationError

MAX_LENGTH = 65536
"""The maximum length of a secret in characters, so that an endless file such as /dev/zero is refused."""

_STREAM = re.compile(r"/dev/(stdin|fd/\d+)|/proc/self/fd/\d+")
"""A stream that the parent process opened, as a shell does for ``<(command)``."""


def read_secret(path: Path, key: str) -> str:
    """Return the first line of *path*, a regular file or a stream that is already open.

    Raises `ConfigurationError`, which names *key*, if the file cannot be read, is empty or is of another kind.
    """
    secret = _read(path, key, lambda file: file.readline(MAX_LENGTH + 1)).rstrip("\r\n")
    if len(secret) > MAX_LENGTH:
        raise ConfigurationError(f"{key}: the first line of {path} is too long.")
    if not secret:
        raise ConfigurationError(f"{key}: the first line of {path} is empty.", hint="Write the secret there.")
    return secret


def read_secret_lines(path: Path, key: str) -> list[str]:
    """Return the lines of *path* that are not blank, as `read_secret` reads its first one."""
    text = _read(path, key, lambda file: file.read(MAX_LENGTH + 1))
    if len(text) > MAX_LENGTH:
        raise ConfigurationError(f"{key}: {path} is too long.")
    return [line for line in text.splitlines() if line.strip()]


def _read(path: Path, key: str, part: Callable[[TextIO], str]) -> str:
    """Return what *part* reads of the file. Raises `ConfigurationError`."""
    try:
        # Reading a pipe could block forever, and a device need not end.
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind not in {stat.S_IFREG, stat.S_IFDIR} and not _STREAM.fullmatch(str(path)):
            raise ConfigurationError(f"{key}: cannot read {path}: it is not a file.")
        # Notepad writes a byte order mark.
        with path.open(encoding="utf-8-sig") as file:
            return part(file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"{key}: cannot read {path}: {reason}.",
            hint=f"Correct {key}, or make the file readable for the user who runs lback.",
        ) from error
