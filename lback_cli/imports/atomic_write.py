"""Write a file that appears complete or not at all, and that only its owner can read unless the caller says so."""

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from lback_cli.errors import Unusable
from lback_cli.own_file import open_own, own_directory


@contextlib.contextmanager
def replacing(path: Path, *, mode: int = 0o600) -> Iterator[Callable[[str], object]]:
    """Yield a function that writes text; after the block the text replaces the file at *path*.

    Args:
        path: The file.
        mode: Who may read and write it.

    Raises:
        Unusable: The file cannot be written.
    """
    try:
        if path.exists() and (path.is_symlink() or not path.is_file()):
            # A pipe or a device is written to, because its reader would not see a file in its place. A link is refused,
            # unless it is /dev/stdout or the like.
            with os.fdopen(open_own(path, os.O_WRONLY), "w", encoding="utf-8") as file:
                yield file.write
            return
        with own_directory(path) as (directory, name):
            unfinished = name.with_name(f".{name.name}.{os.urandom(4).hex()}")
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    yield file.write
                    os.fchmod(descriptor, mode)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(unfinished, name, src_dir_fd=directory, dst_dir_fd=directory)
            except BaseException:
                os.unlink(unfinished, dir_fd=directory)
                raise
    except OSError as error:
        raise Unusable(f"Cannot write {path}: {error.strerror or error}.") from error
