"""Why SQLite cannot use a file: SQLite itself reports only that it cannot."""

import errno
import os
import tempfile
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

from sqlalchemy.engine import URL

JOURNALS = ("-wal", "-shm", "-journal")
"""The endings of the files that SQLite keeps beside a database. It cannot open the database without them."""


class Obstacle(NamedTuple):
    """What keeps SQLite from using a file, as the predicate of a sentence, and what to do."""

    message: str
    hint: str


def file_of(url: URL) -> Path | None:
    """Return the file of a SQLite *url*; None for a server or a database in memory."""
    name = url.database
    if url.get_backend_name() != "sqlite" or not name or name == ":memory:":
        return None
    # SQLite URIs have options such as ?mode=ro&uri=true.
    return Path(unquote(urlsplit(name).path) if name.startswith("file:") else name)


def find_access_obstacle(path: Path) -> Obstacle | None:
    """Return why the file at *path* cannot be opened or written, or None if that is not known."""
    if _is_read_only(path):
        return Obstacle("is on a read-only file system", _read_only_hint(path))
    if (full := find_space_obstacle(path)) is not None:
        return full
    if not _is_usable(path):
        return None
    for ending in JOURNALS:
        journal = Path(f"{path}{ending}")
        if journal.exists() and not _is_usable(journal):
            return Obstacle(
                f"cannot be used, because this user may not read and write {journal}, a file of {_owner(journal)}",
                "Let its owner run lback, or change its owner and mode to those of the database. Do not delete it: "
                "it may contain committed changes.",
            )
    return None


def find_space_obstacle(path: Path) -> Obstacle | None:
    """Return that the disk with *path* is full, or None. SQLite needs up to 64 KiB even to read."""
    try:
        disk = os.statvfs(path.parent)
    except (AttributeError, OSError):
        return None
    blocks, files = (disk.f_bfree, disk.f_ffree) if os.geteuid() == 0 else (disk.f_bavail, disk.f_favail)
    if blocks * disk.f_frsize < _NEEDED_SPACE or (disk.f_files > 0 and files == 0):
        return Obstacle("cannot be used, because the disk is full", "Free some disk space.")
    return None


def find_lock_obstacle(path: Path) -> Obstacle | None:
    """Return why no file in the directory of *path* can be locked, or None if files can be locked there.

    It locks a file of its own: closing the database would release the locks of other connections in this process.
    """
    try:
        import fcntl

        with tempfile.TemporaryFile(dir=path.parent) as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}:
            return Obstacle(
                f"cannot be locked: {error.strerror}",
                "Its file system has no working locks, like some network file systems. Move it to a local disk, or to "
                "a server with 'lback db copy'.",
            )
    except ImportError:  # Windows
        pass
    return None


_NEEDED_SPACE = 64 * 1024
_EFFECTIVE = os.access in os.supports_effective_ids


def _is_usable(path: Path) -> bool:
    return os.access(path, os.R_OK | os.W_OK, effective_ids=_EFFECTIVE)


def _is_read_only(path: Path) -> bool:
    try:
        return bool(os.statvfs(path.parent).f_flag & os.ST_RDONLY)
    except (AttributeError, OSError):
        return False


def _read_only_hint(path: Path) -> str:
    try:
        has_changes = Path(f"{path}-wal").stat().st_size > 0
    except OSError:
        has_changes = False
    if has_changes:
        return f"Copy it to a file system that can be written to, together with {path.name}-wal."
    return f"To read it, set database.url to sqlite:///file:{quote(str(path.absolute()))}?immutable=1&uri=true"


def _owner(path: Path) -> str:
    number = path.stat().st_uid
    try:
        import pwd

        return pwd.getpwuid(number).pw_name
    except (ImportError, KeyError):
        return f"user {number}"
