"""Which files may be run: those that nobody but the user and root can have put there or changed."""

import os
import stat
from pathlib import Path

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_LONGEST_CHAIN = 40
"""Symbolic links that may be followed, as Linux has it."""


class UntrustedFileError(Exception):
    """A file cannot be run: what is wrong, and what mends it."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


def require_trusted_directory(path: Path) -> None:
    """Raise `UntrustedFileError` unless only the user and root can change what is in *path*, or what it leads to."""
    found, status = _walked(path)
    if not stat.S_ISDIR(status.st_mode):
        raise UntrustedFileError(f"{path} is not a directory", "Name a directory.")
    _require_owner(found, status)
    # A sticky directory keeps others from replacing files, but not from adding some.
    if status.st_mode & _OTHERS_WRITE:
        raise UntrustedFileError(f"others can write to {found}", f"Run: chmod go-w {found}")


def open_trusted_program(path: Path) -> int:
    """A descriptor of the file at *path*, which only the user and root can have changed. Raises `UntrustedFileError`.

    What is looked at is the opened file: it is what then has to be run.
    """
    found, expected = _walked(path)
    if not stat.S_ISREG(expected.st_mode):
        raise UntrustedFileError(f"{path} is not a file", "Hooks are executable files.")
    try:
        descriptor = os.open(found, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError as error:
        raise UntrustedFileError(
            f"{path} cannot be read: {error.strerror}", "Whoever runs lback must be able to."
        ) from error
    try:
        _require_own_program(found, os.fstat(descriptor), expected)
    except UntrustedFileError:
        os.close(descriptor)
        raise
    return descriptor


def _require_own_program(path: Path, status: os.stat_result, expected: os.stat_result) -> None:
    if (status.st_dev, status.st_ino) != (expected.st_dev, expected.st_ino):
        raise UntrustedFileError(f"{path} was replaced while it was looked at", "Try again, and find out by whom.")
    _require_owner(path, status)
    if status.st_mode & _OTHERS_WRITE:
        raise UntrustedFileError(f"others can write to {path}", f"Run: chmod go-w {path}")
    if not os.access(path, os.X_OK):
        raise UntrustedFileError(f"{path} is not executable", f"Run: chmod u+x {path}")


def _walked(path: Path) -> tuple[Path, os.stat_result]:
    """Where *path* leads, without a link in it, and what is there.

    Every directory on the way, those of links included, must be safe from others: who can write in one can put
    something else in the place of what comes next. Only in a sticky one, such as ``/tmp``, can nobody replace what
    belongs to others.
    """
    place, links = Path("/"), 0
    names = list(reversed(path.absolute().parts[1:]))
    status = _status(place, path)
    while names:
        _require_safe_way(place, status)
        name = names.pop()
        place_of_name = place.parent if name == ".." else place / name
        found = _status(place_of_name, path)
        if stat.S_ISLNK(found.st_mode):
            links += 1
            if links > _LONGEST_CHAIN:
                raise UntrustedFileError(f"{path} is a symbolic link that leads nowhere", "Remove or mend it.")
            _require_owner(place_of_name, found)
            target = place_of_name.readlink()
            names += reversed(target.parts[1:] if target.is_absolute() else target.parts)
            place = Path("/") if target.is_absolute() else place
            status = _status(place, path)
        else:
            place, status = place_of_name, found
    return place, status


def _status(place: Path, path: Path) -> os.stat_result:
    try:
        return place.lstat()
    except OSError as error:
        leads = "" if place == path.absolute() else f", to which {path} leads"
        raise UntrustedFileError(f"{place}{leads}: {error.strerror}", "Remove or mend it.") from error


def _require_safe_way(place: Path, status: os.stat_result) -> None:
    if not stat.S_ISDIR(status.st_mode):
        raise UntrustedFileError(f"{place} is not a directory", "Remove or mend it.")
    _require_owner(place, status)
    if status.st_mode & _OTHERS_WRITE and not status.st_mode & stat.S_ISVTX:
        raise UntrustedFileError(f"others can write to {place}", f"Run: chmod go-w {place}")


def _require_owner(place: Path, status: os.stat_result) -> None:
    if status.st_uid not in {0, os.geteuid()}:
        raise UntrustedFileError(
            f"{place} belongs to another user", "It must belong to whoever runs lback, or to root."
        )
