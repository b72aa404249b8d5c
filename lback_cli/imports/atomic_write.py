"""Write a file that only its owner can read, and that appears complete or not at all."""

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from lback_cli.errors import Unusable


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Callable[[str], object]]:
    """Yield a function that writes text; after the block the text replaces the file at *path*.

    Raises:
        Unusable: The file cannot be written.
    """
    target = Path(os.path.realpath(path))
    try:
        if path.exists() and not path.is_file():
            # A pipe or a device is written to, because its reader would not see a file in its place.
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
