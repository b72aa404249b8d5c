"""Files and links that other users put where SQLite would use them."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from lback_cli.database.file_obstacles import JOURNALS
from lback_cli.errors import ConfigurationError
from lback_cli.own_file import own_directory


def require_own_files(path: Path) -> None:
    """Require that no other user made a link to the SQLite file at *path*, or a journal beside it.

    SQLite writes what a journal contains into the database, and new data into an existing journal, whose owner can read
    it. A user who may use the database can make its journals, so in a directory that not every user can write, they may
    belong to any user.

    Raises:
        ConfigurationError: Another user did, in a directory that every user can write.
    """
    try:
        with own_directory(path) as (directory, name):
            if directory is None:  # on Windows
                return
            shared = os.fstat(directory)
            if not shared.st_mode & stat.S_IWOTH:
                return
            trusted, database = {0, os.geteuid(), shared.st_uid}, None
            with suppress(FileNotFoundError):
                database = os.stat(name, dir_fd=directory, follow_symlinks=False)
            if database is not None and stat.S_ISLNK(database.st_mode) and database.st_uid not in trusted:
                raise _refused(path, f"another user made the link {path}")
            if database is not None and database.st_mode & stat.S_IWOTH:
                return  # every user can write the database itself
            trusted |= set() if database is None else {database.st_uid}
            for ending in JOURNALS:
                with suppress(FileNotFoundError):
                    if os.stat(f"{name}{ending}", dir_fd=directory, follow_symlinks=False).st_uid not in trusted:
                        raise _refused(path, f"another user made {path}{ending}, and SQLite would use it")
    except OSError as error:
        if error.errno == errno.EPERM:  # raised by `own_directory`
            raise _refused(path, str(error.strerror)) from error
        # Otherwise SQLite fails for the same reason.


def _refused(path: Path, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"The database {path} cannot be used safely: {reason}.",
        hint="Move the database to a directory that only its users can write, without that file.",
    )
