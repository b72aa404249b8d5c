"""Open output files that no other user has prepared, and check that no other user has written an input file."""

import errno
import os
import re
import stat
import sys
from pathlib import Path

_DESCRIPTOR = re.compile(r"/dev/(stdout|stderr|fd/[0-9]+)|/proc/self/fd/[0-9]+")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


def open_own(path: Path, flags: int) -> int:
    """Open *path* for writing, and return its descriptor. Nothing is changed in an existing file.

    If another user had made the file beforehand, that user could read what lback writes; a link would overwrite another
    file. Descriptors such as ``/dev/stdout``, devices and the user's own pipes are allowed too.

    Raises:
        OSError: The file cannot be opened, is a link, has another name or belongs to another user.
    """
    if sys.platform == "win32" or _DESCRIPTOR.fullmatch(str(path)):
        return os.open(path, flags, 0o600)
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
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


def make_own_directory(path: Path) -> None:
    """Make *path* and its missing parents, each for their owner alone, as the XDG Base Directory Specification wants.

    Raises:
        OSError: One cannot be made.
    """
    if path.parent != path and not path.parent.exists():
        make_own_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)


def is_writable_by_all(path: Path) -> bool:
    """Return whether every user can write *path*; false if there is no such file."""
    try:
        return sys.platform != "win32" and bool(path.stat().st_mode & stat.S_IWOTH)
    except OSError:
        return False


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
