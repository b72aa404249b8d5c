"""A file that only its owner can read, and that is there whole or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lback_cli.errors import Unusable


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Callable[[str], object]]:
    """Write to *path*: what is written in the block takes its place at the end. Raises `Unusable`."""
    target = Path(os.path.realpath(path))
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device is written to; a file in its place would cut off whoever reads it.
            with path.open("w", encoding="utf-8") as file:
                yield file.write
            return
        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                yield file.write
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise Unusable(f"Cannot write {path}: {error.strerror or error}.") from error
