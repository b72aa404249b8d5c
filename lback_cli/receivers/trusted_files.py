"""Check that only the current user and root can have created or changed a file before it is run."""

import os
import stat
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LONGEST_CHAIN = 40
"""Symbolic links that are followed, as in Linux."""


class UntrustedFileError(Exception):
    """A file must not be run; *hint* says how to repair that."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def require_trusted_directory(path: Path) -> None:
    """Require that only the current user and root can change the directory at *path*.

    Raises:
        UntrustedFileError: Others can, or it is not a directory.
    """
    found, status = _resolve(path)
    if not stat.S_ISDIR(status.st_mode):
        raise UntrustedFileError(f"{path} is not a directory", "Name a directory.")
    _require_owner(found, status)
    # A sticky directory keeps others from replacing files, but not from adding some.
    if status.st_mode & _OTHERS_WRITE:
        raise UntrustedFileError(f"others can write to {found}", f"Run: chmod go-w {found}")


def open_trusted_program(path: Path) -> int:
    """Open the program at *path* and return its descriptor. The opened file is checked, so run it by the descriptor.

    Raises:
        UntrustedFileError: Users other than the current one and root can have changed the file, or it is not an
            executable file.
    """
    found, expected = _resolve(path)
    if not stat.S_ISREG(expected.st_mode):
        raise UntrustedFileError(f"{path} is not a file", "Hooks are executable files.")
    try:
        descriptor = os.open(found, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise UntrustedFileError(
            f"{path} cannot be read: {error.strerror}", "The user who runs lback must be able to read it."
        ) from error
    try:
        _require_checked_program(found, os.fstat(descriptor), expected)
    except UntrustedFileError:
        os.close(descriptor)
        raise
    return descriptor


def _require_checked_program(path: Path, status: os.stat_result, expected: os.stat_result) -> None:
    if (status.st_dev, status.st_ino) != (expected.st_dev, expected.st_ino):
        raise UntrustedFileError(
            f"{path} was replaced while it was checked", "Find out who replaced it, and try again."
        )
    _require_owner(path, status)
    if status.st_mode & _OTHERS_WRITE:
        raise UntrustedFileError(f"others can write to {path}", f"Run: chmod go-w {path}")
    if not os.access(path, os.X_OK):
        raise UntrustedFileError(f"{path} is not executable", f"Run: chmod u+x {path}")


def _resolve(path: Path) -> tuple[Path, os.stat_result]:
    """Return where *path* leads, without symbolic links, and the status of what is there.

    Every directory on the way, and every link, must be safe from other users: a user who can write to a directory can
    replace what is in it. A sticky directory such as ``/tmp`` is safe: there only the owner of a file can replace it.

    Raises:
        UntrustedFileError: A directory or link is not safe, or does not exist.
    """
    place, links = Path("/"), 0
    names = list(reversed(path.absolute().parts[1:]))
    status = _lstat(place, path)
    while names:
        _require_safe_directory(place, status)
        name = names.pop()
        next_place = place.parent if name == ".." else place / name
        found = _lstat(next_place, path)
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _LONGEST_CHAIN:
                raise UntrustedFileError(f"{path} is a symbolic link that leads nowhere", "Remove or repair it.")
            _require_owner(next_place, found)
            target = next_place.readlink()
            names += reversed(target.parts[1:] if target.is_absolute() else target.parts)
            place = Path("/") if target.is_absolute() else place
            status = _lstat(place, path)
        else:
            place, status = next_place, found
    return place, status


def _lstat(place: Path, path: Path) -> os.stat_result:
    try:
        return place.lstat()
    except OSError as error:
        leads = "" if place == path.absolute() else f", to which {path} leads"
        raise UntrustedFileError(f"{place}{leads}: {error.strerror}", "Remove or repair it.") from error


def _require_safe_directory(place: Path, status: os.stat_result) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise UntrustedFileError(f"{place} is not a directory", "Remove or repair it.")
    _require_owner(place, status)
    if status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX:
        raise UntrustedFileError(f"others can write to {place}", f"Run: chmod go-w {place}")


def _require_owner(place: Path, status: os.stat_result) -> None:
    if status.st_uid not in {0, os.geteuid()}:
        raise UntrustedFileError(
            f"{place} belongs to another user", "It must belong to the user who runs lback, or to root."
        )
