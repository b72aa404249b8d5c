"""Write a file that appears complete or not at all, and that only its owner can read unless the caller says so."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lback_cli.errors import Unusable
from lback_cli.own_file import open_own


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
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                yield file.write
                os.fchmod(descriptor, mode)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Unusable(f"Cannot write {path}: {error.strerror or error}.") from error
