"""The input of an import: its format, its digest, and its rows."""

import contextlib
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from lback_cli.errors import Conflict, Unusable, UsageError
from lback_cli.events.record import to_storable_text
from lback_cli.imports.formats.csv_reader import read_csv, read_header
from lback_cli.imports.formats.jsonl_reader import read_jsonl
from lback_cli.imports.options import FORMATS, STDIN, FileFormat, ImportOptions
from lback_cli.imports.row import BUILT_IN_COLUMNS, ImportColumns, ImportRow

_READERS: dict[str, Callable[[BinaryIO, ImportColumns], Iterator[ImportRow]]] = {"csv": read_csv, "jsonl": read_jsonl}


def detect_format(path: str) -> FileFormat:
    """Return the format that the extension of *path* means.

    Raises:
        UsageError: It means none.
    """
    extension = Path(path).suffix.lower()
    file_format = FORMATS.get(extension)
    if file_format is not None:
        return file_format
    from lback_cli.imports.sources.registry import built_in_sources

    name = "Standard input" if path == STDIN else f"The name of {path}"
    hint = "Add --format csv or --format jsonl."
    sources = [f"--from {source.name}" for source in built_in_sources() if source.extension == extension]
    if sources:
        hint += f" For the file of another program, add {' or '.join(sources)}."
    raise UsageError(f"{name} does not show the format of the file.", hint=hint)


def absolute(path: str) -> str:
    """Return *path* as it is valid in any directory; standard input stays as it is."""
    return path if path == STDIN else os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links


class InputFile:
    """An input file, open as long as the import lasts.

    A pipe, or anything else that cannot be read twice, is copied to a private temporary file first, because the digest
    must be known before the first row is imported. A companion is small and read once, so that it cannot change.

    Attributes:
        options: The options of the import.
        path: The absolute path.
        stored_path: The path as text that every database can store.
        size: The size in bytes.
        digest: The SHA-256 of the content, companion included, in hex.
    """

    def __init__(self, path: str, options: ImportOptions, known: ImportColumns = BUILT_IN_COLUMNS) -> None:
        """Open the file at *path*, which may have the *known* columns.

        Raises:
            UsageError: The input or the companion cannot be read, or the options do not fit the format.
            Unusable: A pipe cannot be copied.
        """
        self.options = options
        self._known = known
        self._companion = None if options.companion is None else _read_companion(options.companion)
        self._read = self._reader()
        self.path = absolute(path)
        self.stored_path = to_storable_text(self.path)
        self._file = _open(path)
        self._status = os.fstat(self._file.fileno())
        self.size = self._status.st_size
        try:
            self.digest = self._digest()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    @property
    def position(self) -> int:
        """The number of bytes that were read."""
        return self._file.tell()

    def rows(self) -> Iterator[ImportRow]:
        """Yield the rows from the first; earlier iterators must not be used any more.

        Raises:
            ValidationError: The file as a whole cannot be read.
        """
        self._file.seek(0)
        with self._reading():
            yield from self._read(self._file)

    def columns(self) -> tuple[str, ...]:
        """Return the columns of a CSV file, or those of lback for any other."""
        if self.options.format != "csv":
            return self._known.names
        self._file.seek(0)
        with self._reading():
            return read_header(self._file, self._known)

    def require_unchanged(self) -> None:
        """Check that the file was not written to since it was opened.

        Raises:
            Conflict: It was.
        """
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
            raise Conflict(
                f"{self._name} was changed during the import.",
                hint="The committed rows are kept. Restore the file and resume, or import the new one with "
                "--if-exists skip.",
            )

    def _reader(self) -> Callable[[BinaryIO], Iterator[ImportRow]]:
        name = self.options.format
        if name in _READERS:
            read = _READERS[name]
            return lambda file: read(file, self._known)
        from lback_cli.imports.sources.registry import find_source

        return find_source(name)(self._companion, self.options.email_domain, self._known).read

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Unusable(f"Cannot read {self._name}: {error.strerror or error}.") from error

    @property
    def _name(self) -> str:
        return "Standard input" if self.path == STDIN else self.path

    def _digest(self) -> str:
        with self._reading():
            digest = hashlib.file_digest(self._file, "sha256")  # type: ignore[arg-type]  # typeshed wants what BinaryIO has not
        digest.update(self._companion or b"")
        return digest.hexdigest()


def _read_companion(path: Path) -> bytes:
    try:
        # Opening a pipe would wait for its writer.
        if path.exists() and not path.is_file():
            raise UsageError(
                f"--companion: {path} is not a file.", hint="Write it to a file: --resume and --apply read it again."
            )
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error


def _open(path: str) -> BinaryIO:
    if path == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("There is nothing on standard input.", hint="Name a file, or pipe one in.")
        return _copied(sys.stdin.buffer, "standard input")
    try:
        file = open(path, "rb")  # noqa: SIM115, PTH123 - it stays open
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"Cannot read {path}: {reason}.") from error
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    with file:
        return _copied(file, path)


def _copied(stream: BinaryIO, name: str) -> BinaryIO:
    """Return a private temporary file with the content of *stream*."""
    copy = tempfile.TemporaryFile(prefix="lback-")  # noqa: SIM115 - it stays open
    try:
        shutil.copyfileobj(stream, copy, 1024 * 1024)
        copy.flush()
    except OSError as error:
        copy.close()
        raise Unusable(
            f"Cannot copy {name} to a temporary file: {error.strerror or error}.",
            hint="Set TMPDIR to a directory with enough space.",
        ) from error
    copy.seek(0)
    return copy
