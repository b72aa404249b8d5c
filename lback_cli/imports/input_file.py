"""The input of an import: what it is, whether it is still the same, and its rows."""

import contextlib
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from lback_cli.errors import Conflict, Unusable, UsageError
from lback_cli.events.record import to_storable_text
from lback_cli.imports.formats.csv_reader import read_csv, read_header
from lback_cli.imports.formats.jsonl_reader import read_jsonl
from lback_cli.imports.options import EXTENSIONS, STDIN, ImportOptions
from lback_cli.imports.row import COLUMNS, Row


def detect_format(path: str) -> str:
    """The form that the extension of *path* tells. Raises `UsageError` when it tells none."""
    extension = Path(path).suffix.lower()
    form = EXTENSIONS.get(extension)
    if form is not None:
        return form
    from lback_cli.imports.sources import SOURCES

    what = "Standard input" if path == STDIN else f"The name of {path}"
    hint = "Add --format csv or --format jsonl."
    programs = [f"--from {reader.name}" for reader in SOURCES.values() if reader.extension == extension]
    if programs:
        hint += f" To import what another program wrote, add {' or '.join(programs)}."
    raise UsageError(f"{what} does not tell the form of the file.", hint=hint)


def absolute(path: str) -> str:
    """*path* as it means the same in any directory; standard input stays what it is."""
    return path if path == STDIN else os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links


class InputFile:
    """An input file, open for as long as the import lasts.

    What cannot be read twice, a pipe above all, is copied to a private temporary file first: the digest must be known
    before the first row is imported. A companion is small and read once, so that every pass has the same one.
    *stored_path* is the path as text that a database takes, whatever its bytes are.
    """

    def __init__(self, path: str, options: ImportOptions) -> None:
        """Raises `UsageError` when there is no input or companion to read, and `Unusable` for what cannot be copied."""
        self.options = options
        self._companion = None if options.companion is None else _companion(options.companion)
        self.path = absolute(path)
        self.stored_path = to_storable_text(self.path)
        self._file = _opened(path)
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
        """How many bytes were read."""
        return self._file.tell()

    def rows(self) -> Iterator[Row]:
        """The rows, from the first on. Raises `ValidationError` when the file as a whole cannot be read."""
        with self._reading():
            yield from self._rows()

    def _rows(self) -> Iterator[Row]:
        self._file.seek(0)
        if self.options.form == "csv":
            return read_csv(self._file)
        if self.options.form == "jsonl":
            return read_jsonl(self._file)
        from lback_cli.imports.sources import SOURCES

        return SOURCES[self.options.form].read(self._file, self._companion, self.options.email_domain)

    def columns(self) -> tuple[str, ...]:
        """The columns of a CSV file, those of lback for any other."""
        if self.options.form != "csv":
            return COLUMNS
        self._file.seek(0)
        with self._reading():
            return read_header(self._file)

    def require_unchanged(self) -> None:
        """Raise `Conflict` when the file was written to since it was opened."""
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._status.st_size, self._status.st_mtime_ns):
            raise Conflict(
                f"{self._name} was changed while it was imported.",
                hint="What is done is kept; put the file back as it was and resume, or import the new one with "
                "--if-exists skip.",
            )

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


def _companion(path: Path) -> bytes:
    try:
        # Opening a pipe would wait for who writes to it.
        if path.exists() and not path.is_file():
            raise UsageError(
                f"--companion: {path} is not a file.", hint="--resume and --apply read it again: write it to one."
            )
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error


def _opened(path: str) -> BinaryIO:
    if path == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("There is nothing on standard input.", hint="Name a file, or pipe one in.")
        return _spooled(sys.stdin.buffer, "standard input")
    try:
        file = open(path, "rb")  # noqa: SIM115, PTH123 - it stays open
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"Cannot read {path}: {reason}.") from error
    if stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return file
    with file:
        return _spooled(file, path)


def _spooled(stream: BinaryIO, name: str) -> BinaryIO:
    spool = tempfile.TemporaryFile(prefix="lback-")  # noqa: SIM115 - it stays open
    try:
        shutil.copyfileobj(stream, spool, 1024 * 1024)
        spool.flush()
    except OSError as error:
        spool.close()
        raise Unusable(
            f"Cannot copy {name} to a temporary file: {error.strerror or error}.", hint="TMPDIR says where it goes."
        ) from error
    spool.seek(0)
    return spool
