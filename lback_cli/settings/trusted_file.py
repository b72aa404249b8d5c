"""Read a configuration file that nobody named, if only its owner and root can have written it."""

import os
import stat
import sys
from pathlib import Path

from lback_cli.errors import ConfigurationError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def read_trusted(path: Path) -> bytes:
    """Return the content of *path*, which was found in the current directory or in the user's.

    Whoever can write it chooses the database, and so receives its password, and the links in mail, and so the tokens.

    Raises:
        OSError: It cannot be read.
        ConfigurationError: Another user owns or can write the file, or made the link to it.
    """
    with path.open("rb") as file:
        if sys.platform != "win32":  # files have no owner id and no mode there
            status = os.fstat(file.fileno())
            if not {path.lstat().st_uid, status.st_uid} <= {0, os.geteuid()}:
                raise ConfigurationError(
                    f"{path} was found here, but belongs to another user.",
                    hint="Run lback in another directory, or name the file with --config if you trust its owner.",
                )
            if status.st_mode & _OTHERS_WRITE:
                raise ConfigurationError(
                    f"{path} was found here, but others can write it.",
                    hint=f"Check its content, and run: chmod go-w {path}",
                )
        return file.read()
