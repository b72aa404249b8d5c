"""Open output files that no other user has prepared, and check that no other user has written an input file."""

import contextlib
import errno
import os
import re
import stat
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

_DESCRIPTOR = re.compile(r"/dev/(stdout|stderr|fd/[0-9]+)|/proc/self/fd/[0-9]+")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_SEARCH = getattr(os, "O_PATH", os.O_RDONLY)
"""Opens a directory that the user can search; reading it needs a right that the user may not have."""

_LONGEST_CHAIN = 40
"""Symbolic links that are followed, as in Linux."""


def open_own(path: Path, flags: int) -> int:
    """Open *path* for writing, and return its descriptor. Nothing is changed in an existing file.

    If another user had made the file beforehand, that user could read what lback writes; a link would overwrite another
    file. Descriptors such as ``/dev/stdout``, devices and the user's own pipes are allowed too.

    Raises:
        OSError: The file cannot be opened, is a link, has another name or belongs to another user, or `own_directory`
            refuses its directory.
    """
    if sys.platform == "win32" or _DESCRIPTOR.fullmatch(str(path)):
        return os.open(path, flags, 0o600)
    with own_directory(path) as (directory, name):
        try:
            descriptor = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=directory)
        except OSError as error:
            raise OSError(error.errno, "it is a symbolic link") if error.errno == errno.ELOOP else error from None
    status = os.fstat(descriptor)
    problem = None
    if stat.S_ISREG(status.st_mode) or stat.S_ISFIFO(status.st_mode):
        if status.st_uid != os.geteuid():
            problem = "it belongs to another user"
        elif status.st_nlink > 1:
            problem = "it has another name"
    if problem is not None:
        os.close(descriptor)
        raise PermissionError(errno.EPERM, problem)
    return descriptor


@contextlib.contextmanager
def own_directory(path: Path) -> Iterator[tuple[int | None, Path]]:
    """Open the directory of *path*; yield its descriptor, and the name of the file in it.

    A link in a directory that every user can write, such as ``/tmp``, is followed if it belongs to the user who runs
    lback, to root or to the owner of that directory. Linux has the same rule (``fs.protected_symlinks``), but only for
    the last name of a path. As the file is opened by the descriptor, nothing changes if another user exchanges a
    directory afterwards.

    On Windows, the descriptor is None, and the name is *path*.

    Raises:
        OSError: A directory cannot be opened, or another user made a link to it.
    """
    if sys.platform == "win32":
        yield None, path
        return
    directory = _open_directory(path.parent)
    try:
        yield directory, Path(path.name)
    finally:
        os.close(directory)


def _open_directory(path: Path) -> int:
    """Open the directory *path*, name by name, and return its descriptor."""
    flags = _SEARCH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    names, links = list(reversed(path.parts)), 0
    # Not the root: the user may be in a directory whose parents are closed. A name "/" leads to the root from anywhere.
    place = os.open(".", flags)
    try:
        while names:
            name = names.pop()
            status = os.stat(name, dir_fd=place, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                _require_own_link(status, os.fstat(place), links)
                names += reversed(Path(os.readlink(name, dir_fd=place)).parts)
                continue
            inner = os.open(name, flags, dir_fd=place)
            os.close(place)
            place = inner
    except BaseException:
        os.close(place)
        raise
    return place


def _require_own_link(link: os.stat_result, directory: os.stat_result, number: int) -> None:
    """Require that no other user made the *link* in a shared *directory*, and that its *number* shows no circle."""
    if number > _LONGEST_CHAIN:
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if directory.st_mode & stat.S_IWOTH and link.st_uid not in {0, os.geteuid(), directory.st_uid}:
        raise PermissionError(errno.EPERM, "another user made a symbolic link in its path")


def open_input(path: Path) -> BinaryIO:
    """Open *path*, in the directory that `own_directory` opens, for reading. Raises `OSError`.

    `distrust` says whether other users can have written it.
    """
    with own_directory(path) as (directory, name):
        return open(name, "rb", opener=partial(os.open, dir_fd=directory))


def remove_own(path: Path) -> None:
    """Delete the file *path* if it exists, in the directory that `own_directory` opens. Raises `OSError`."""
    with contextlib.suppress(FileNotFoundError), own_directory(path) as (directory, name):
        os.unlink(name, dir_fd=directory)


def make_own_directory(path: Path) -> None:
    """Make *path* and its missing parents, each for their owner alone, as the XDG Base Directory Specification wants.

    Raises:
        OSError: One cannot be made, or `own_directory` refuses where it would be.
    """
    if path.parent != path and not path.parent.exists():
        make_own_directory(path.parent)
    if not path.is_dir():
        with own_directory(path) as (directory, name), contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=directory)


def is_writable_by_all(path: Path) -> bool:
    """Return whether every user can write *path*; false if there is no such file."""
    try:
        return sys.platform != "win32" and bool(path.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False


def is_made_by_another_user(path: Path) -> bool:
    """Return whether another user may have made *path* for others to use: it is in a directory that all can write."""
    try:
        status, directory = path.stat(), path.parent.stat()
    except OSError:
        return False
    if sys.platform == "win32" or not directory.st_mode & stat.S_IWOTH:
        return False
    return status.st_uid not in {0, os.geteuid(), directory.st_uid}


def distrust(path: Path, descriptor: int) -> str | None:
    """Return why other users can have written the open file *path*, as the predicate of a sentence, or None."""
    if sys.platform == "win32":  # files have no owner id and no mode there
        return None
    status = os.fstat(descriptor)
    if not {path.lstat().st_uid, status.st_uid} <= {0, os.geteuid()}:
        return "belongs to another user"
    writable = status.st_mode & (stat.S_IWOTH if _is_private_group(status.st_gid) else _OTHERS_WRITE)
    return "can be written by others" if writable else None


def _is_private_group(group_id: int) -> bool:
    """Return whether a group is the one that many systems make for each user, with the user's name and no other member.

    Where it is the default group, files are writable for their group.
    """
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(group_id), pwd.getpwuid(os.geteuid())
    except KeyError:
        return False
    return group.gr_name == user.pw_name and group.gr_gid == user.pw_gid and set(group.gr_mem) <= {user.pw_name}
