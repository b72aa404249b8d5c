"""Read a configuration file that was found and not named, if only its owner and root can have written it."""

import stat
import sys
from pathlib import Path

from lback_cli.errors import ConfigurationError
from lback_cli.own_file import distrust, open_input


def read_trusted(path: Path) -> bytes:
    """Return the content of *path*, which was found in the current directory or in the user's.

    A user who can write it chooses the database, which is sent the password, and the links in mail, which carry tokens.

    Raises:
        OSError: It cannot be read.
        ConfigurationError: Another user owns or can write the file, or made the link to it.
    """
    with open_input(path) as file:
        if problem := distrust(path, file.fileno()):
            raise ConfigurationError(
                f"{path} was found here, but {problem}.",
                hint=f"If you trust its content, take it over (chown, chmod go-w), or name it: --config {path}",
            )
        return file.read()


def is_public(path: Path) -> bool:
    """Return whether every user can read *path*. A group may be meant to, such as that of the application."""
    return sys.platform != "win32" and bool(path.stat().st_mode & stat.S_IROTH)
