"""Secrets that the configuration names by file, so that it holds none itself."""

import re
import stat
from pathlib import Path

from lback_cli.errors import ConfigurationError

LONGEST = 65536
"""Characters that a secret may have at most: a file that never ends, such as /dev/zero, is none."""

_STREAM = re.compile(r"/dev/(stdin|fd/\d+)|/proc/self/fd/\d+")
"""What this process was handed open, as a shell does for ``<(command)``."""


def read_secret(path: Path, key: str) -> str:
    """The first line of *path*, a file or a stream that is open already.

    Raises `ConfigurationError`, naming *key*, when it cannot be read, is empty, or is anything else.
    """
    try:
        # Somebody may never write to a pipe, and a device never end.
        kind = stat.S_IFMT(path.stat().st_mode)
        if kind not in {stat.S_IFREG, stat.S_IFDIR} and not _STREAM.fullmatch(str(path)):
            raise ConfigurationError(f"{key}: cannot read {path}: it is not a file.")
        # Notepad begins a file with a byte order mark.
        with path.open(encoding="utf-8-sig") as file:
            secret = file.readline(LONGEST + 1).rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(
            f"{key}: cannot read {path}: {reason}.",
            hint=f"Mend {key}, or make the file readable for whoever runs lback.",
        ) from error
    if len(secret) > LONGEST:
        raise ConfigurationError(f"{key}: the first line of {path} is too long.")
    if not secret:
        raise ConfigurationError(f"{key}: the first line of {path} is empty.", hint="Write the password there.")
    return secret
