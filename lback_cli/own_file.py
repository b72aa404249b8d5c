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

_warned: set[tuple[int, int]] = set()
"""Directories of which a warning was logged, by device and inode."""


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
        _refuse_foreign_pipe(name, directory)
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
    directory afterwards. But in a directory that every user can write and that is not sticky, another user can exchange
    the file itself. A warning is logged, once for each such directory.

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
    place, reached = os.open(".", flags), Path()
    try:
        while names:
            name = names.pop()
            if name != "/":
                _warn_of_exchange(os.fstat(place), reached)
            status = os.stat(name, dir_fd=place, follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                links += 1
                _require_own_link(status, os.fstat(place), links)
                names += reversed(Path(os.readlink(name, dir_fd=place)).parts)
                continue
            inner = os.open(name, flags, dir_fd=place)
            os.close(place)
            place, reached = inner, reached / name
        _warn_of_exchange(os.fstat(place), reached)
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


def _warn_of_exchange(directory: os.stat_result, path: Path) -> None:
    """Log a warning if every user can rename and delete what is in the *directory* at *path*."""
    identity = (directory.st_dev, directory.st_ino)
    if not directory.st_mode & stat.S_IWOTH or directory.st_mode & stat.S_ISVTX or identity in _warned:
        return
    import logging  # not at the top: most commands need neither
    import shlex

    _warned.add(identity)
    logging.getLogger(__name__).warning(
        "Every user can exchange the files in %s. Run: chmod +t %s", path, shlex.quote(str(path))
    )


def _refuse_foreign_pipe(name: Path, directory: int | None) -> None:
    """Raise `PermissionError` for a pipe of another user: to open it would wait until that user opens it too."""
    try:
        status = os.stat(name, dir_fd=directory)
    except OSError:  # to open it fails for the same reason
        return
    if stat.S_ISFIFO(status.st_mode) and status.st_uid not in {0, os.geteuid()}:
        raise PermissionError(errno.EPERM, "it belongs to another user")


def open_input(path: Path) -> BinaryIO:
    """Open *path*, in the directory that `own_directory` opens, for reading. Raises `OSError`.

    `distrust` says whether other users can have written it.
    """
    with own_directory(path) as (directory, name):
        if sys.platform != "win32":
            _refuse_foreign_pipe(name, directory)
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
    """Return whether another user may have made *path*, or a directory or link on it, for others to use.

    It is in a directory that every user can write, and belongs to none of the user, root and that directory's owner.
    """
    if sys.platform == "win32":
        return False
    places = {path.absolute(), Path(os.path.realpath(path))}  # Path.resolve raises for circles before Python 3.13
    return any(_is_foreign(part) for place in places for part in (place, *place.parents))


def _is_foreign(path: Path) -> bool:
    try:
        status, directory = path.lstat(), path.parent.stat()
    except OSError:
        return False
    return bool(directory.st_mode & stat.S_IWOTH) and status.st_uid not in {0, os.geteuid(), directory.st_uid}


def distrust(path: Path, descriptor: int) -> str | None:
    """Return why other users can have written the open file *path*, as the predicate of a sentence, or None."""
    if sys.platform == "win32":  # files have no owner id and no mode there
        return None
    status = os.fstat(descriptor)
    if not {path.lstat().st_uid, status.st_uid} <= {0, os.geteuid()}:
        return "belongs to another user"
    if is_linked_by_others(path, status):
        return "is a hard link, which another user can have made"
    writable = status.st_mode & (stat.S_IWOTH if _is_private_group(status.st_gid) else _OTHERS_WRITE)
    return "can be written by others" if writable else None


def is_linked_by_others(path: Path, status: os.stat_result) -> bool:
    """Return whether another user can have made *path* as a further name of a file with *status*.

    Then that user chose which file is read, although its content is not that user's.
    """
    directory = path.parent.stat()
    is_shared = directory.st_uid not in {0, os.geteuid()} or directory.st_mode & stat.S_IWOTH
    return stat.S_ISREG(status.st_mode) and status.st_nlink > 1 and bool(is_shared)


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
