"""Opening the input of an import, and examining it as a whole."""

import codecs
import hashlib
import os
import shutil
import stat
import sys
import tempfile
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lback_cli.errors import Unusable, UsageError, ValidationError
from lback_cli.imports.options import FORMATS, STDIN, FileFormat
from lback_cli.own_file import distrust

_PIECE = 1024 * 1024
"""Bytes that are read at once to compute the digest."""

_SHOWN = 64 * 1024
"""Bytes of text that is not UTF-8, for a guess of its encoding."""


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
    hint = "Add --format with csv, jsonl, json or xlsx; --inspect finds out which."
    sources = [f"--from {source.name}" for source in built_in_sources() if source.extension == extension]
    if sources:
        hint += f" For the file of another program, add {' or '.join(sources)}."
    raise UsageError(f"{name} does not show the format of the file.", hint=hint)


def absolute(path: str) -> str:
    """Return *path* as it is valid in any directory; standard input stays as it is."""
    return path if path == STDIN else os.path.abspath(path)  # noqa: PTH100 - resolve() would follow links


def read_companion(path: Path) -> bytes:
    """Return the content of the second file of some source formats.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        # Opening a pipe would wait for its writer.
        if path.exists() and not path.is_file():
            raise UsageError(
                f"--companion: {path} is not a file.", hint="Write it to a file: --resume and --apply read it again."
            )
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error


def open_input(path: str) -> BinaryIO:
    """Open the file at *path*, or a private copy of what cannot be read twice.

    A file that other users can write is copied too. They could replace its rows after its digest was compared with that
    of a plan, and its size and times would not show it.

    Raises:
        UsageError: It cannot be read.
        Unusable: It cannot be copied.
        ValidationError: It is being written to.
    """
    if path == STDIN:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("There is nothing on standard input.", hint="Name a file, or pipe one in.")
        return _copied(sys.stdin.buffer, "standard input")
    try:
        file = open(path, "rb")  # noqa: SIM115, PTH123 - it stays open
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise UsageError(f"Cannot read {path}: {reason}.") from error
    is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
    if is_regular and _is_private(path, file):
        return file
    with file:
        before = state(file)
        copy = _copied(file, path)
        if is_regular and state(file) != before:
            copy.close()
            raise being_written(path)
        return copy


def state(file: BinaryIO) -> tuple[int, int]:
    """Return what changes when *file* is written to: its size and time."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns


def being_written(name: str) -> ValidationError:
    """Return the error for an input that changes while it is read."""
    return ValidationError(
        "file", f"{name} is being written to.", hint="Import it when it is complete. Nothing was done."
    )


def _is_private(path: str, file: BinaryIO) -> bool:
    """Return whether only the user and root can have written *file*, which is at *path*."""
    try:
        return distrust(Path(path), file.fileno()) is None
    except OSError:  # it was renamed meanwhile
        return False


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


class Undecodable(NamedTuple):
    """The first text of a file that is not UTF-8.

    Attributes:
        line: The number of its line.
        text: Some text around it.
    """

    line: int
    text: bytes


def digest_of(
    file: BinaryIO, companion: bytes | None, *, verifies_text: bool, longest_line: int | None = None
) -> tuple[str, Undecodable | None]:
    """Return the SHA-256 of *file* and its *companion* in hex, and with *verifies_text* what is not UTF-8.

    Raises:
        ValidationError: A line has more than *longest_line* bytes, or nearly so many.
    """
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")() if verifies_text else None
    undecodable, lines, since_line_end = None, 1, 0
    file.seek(0)
    while piece := file.read(_PIECE):
        digest.update(piece)
        since_line_end = since_line_end + len(piece) if b"\n" not in piece else 0
        if longest_line is not None and since_line_end > longest_line:
            raise ValidationError(
                "file", f"A line of the file has more than {longest_line} bytes.", hint="The file may be no table."
            )
        if decoder is None:
            continue
        try:
            decoder.decode(piece)
        except UnicodeDecodeError as error:
            # What the decoder held back from the piece before is at the beginning of its text.
            place = error.start - (len(error.object) - len(piece))
            undecodable = Undecodable(lines + piece.count(b"\n", 0, max(place, 0)), _around(piece, place))
            decoder = None
        else:
            lines += piece.count(b"\n")
    if decoder is not None and decoder.getstate()[0]:
        undecodable = Undecodable(lines, decoder.getstate()[0])
    digest.update(companion or b"")
    return digest.hexdigest(), undecodable


def _around(piece: bytes, place: int) -> bytes:
    """Return whole lines of *piece* from the one that has *place* on."""
    start = piece.rfind(b"\n", 0, max(place, 0)) + 1
    return piece[start : start + _SHOWN]
