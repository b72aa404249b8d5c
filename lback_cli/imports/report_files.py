"""The files that say what became of each row, kept in step with the database.

They are written and on the disk before the transaction commits that stores their lengths. So after a crash a file is at
least as long as the import knows, and is cut back to that.
"""

import contextlib
import csv
import io
import json
import os
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lback_cli.errors import Conflict, Unusable, UsageError
from lback_cli.imports.formats.csv_injection import escaped
from lback_cli.imports.options import STDIN, ImportOptions
from lback_cli.imports.results import RowOutcome
from lback_cli.imports.row import groups_cell

NAMES = ("report", "rejects", "passwords")
"""The files, in the order in which their lengths are stored."""

_ADDED = ("error_code", "error")
_OPTIONS = {"passwords": "generate_passwords"}


class ReportFiles:
    """The files that the options name."""

    def __init__(self, options: ImportOptions, columns: Sequence[str], *, dry: bool = False) -> None:
        """*columns* are those of the input; *dry* leaves out what only a real import writes."""
        in_csv = options.rejects_form == "csv"
        rejects = _csv_rejects(columns) if in_csv else _jsonl_reject
        header = _csv([*_kept(columns), *_ADDED]) if in_csv else ""
        self._files: list[tuple[_ReportFile | None, Callable[[list[RowOutcome]], str]]] = [
            (_ReportFile(options.report) if options.report else None, lambda found: "".join(map(_report_line, found))),
            (
                _ReportFile(options.rejects, header) if options.rejects else None,
                lambda found: "".join([rejects(one) for one in found if one.kind == "failed"]),
            ),
            (
                _ReportFile(options.passwords, "username,password\n", new=True)
                if options.passwords and not dry
                else None,
                lambda found: "".join([_csv([one.username, one.password]) for one in found if one.password]),
            ),
        ]

    def begin(self) -> list[int]:
        """Make the files, and return their lengths. Raises `Unusable`, or `Conflict` for one that must be new."""
        return [0 if file is None else file.begin() for file, _ in self._files]

    def resume(self, lengths: Sequence[int]) -> None:
        """Open the files again, cut back to these *lengths*. Raises `Conflict` when one is not what was written."""
        for (file, _), length in zip(self._files, lengths, strict=True):
            if file is not None:
                file.resume(length)

    def truncate(self, lengths: Sequence[int]) -> None:
        """Forget what was written behind these *lengths*."""
        for (file, _), length in zip(self._files, lengths, strict=True):
            if file is not None:
                file.truncate(length)

    def write(self, outcomes: list[RowOutcome]) -> list[int]:
        """Add *outcomes*, wait until they are on the disk, and return the new lengths. Raises `Unusable`."""
        return [0 if file is None else file.append(content(outcomes)) for file, content in self._files]

    def discard(self) -> None:
        """Take away what names users that do not exist, as everything was rolled back."""
        file, _ = self._files[NAMES.index("passwords")]
        if file is not None:
            file.remove()

    def close(self) -> None:
        """Close the files."""
        for file, _ in self._files:
            if file is not None:
                file.close()


class _ReportFile:
    """One of the files, readable by its owner alone, as it tells who has an account or even with which password."""

    def __init__(self, path: Path, header: str = "", *, new: bool = False) -> None:
        self._path = path
        self._header = header.encode()
        self._new = new
        self._descriptor = -1
        self._regular = True

    def begin(self) -> int:
        try:
            if self._new:
                self._open_new()
            else:
                self._open(os.O_CREAT)
            if self._regular:
                os.ftruncate(self._descriptor, 0)
                os.fchmod(self._descriptor, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        return self.append(self._header.decode())

    def resume(self, length: int) -> None:
        try:
            self._open(0)
            if not self._regular:
                return
            found = os.fstat(self._descriptor).st_size
            if found >= length:
                self.truncate(length)
                return
        except FileNotFoundError:
            found = None
        except OSError as error:
            raise self._unusable(error) from error
        state = "is missing" if found is None else f"has {found} bytes, {length} were written"
        raise Conflict(f"{self._path} {state}.", hint="Put it back as it was, or begin again with --restart.")

    def truncate(self, length: int) -> None:
        if self._regular:
            os.ftruncate(self._descriptor, length)
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def append(self, text: str) -> int:
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
            if not self._regular:
                return 0
            os.fsync(self._descriptor)
            return os.lseek(self._descriptor, 0, os.SEEK_CUR)
        except OSError as error:
            raise self._unusable(error) from error

    def remove(self) -> None:
        self.close()
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open_new(self) -> None:
        """Make the file, or take the one that an import has left which was killed before it was on record.

        That one holds a header and nothing else. Raises `Conflict` for any other.
        """
        try:
            self._open(os.O_CREAT | os.O_EXCL)
        except FileExistsError as error:
            with contextlib.suppress(OSError):
                self._open(os.O_NOFOLLOW, os.O_RDWR)
                if self._is_bare():
                    os.lseek(self._descriptor, 0, os.SEEK_SET)
                    return
            self.close()
            raise Conflict(f"{self._path} exists already.", hint="Name a new file for the passwords.") from error

    def _is_bare(self) -> bool:
        """Whether it has the header alone, and nobody else has the file, by another name neither."""
        status = os.fstat(self._descriptor)
        own = self._regular and status.st_uid == os.geteuid() and status.st_nlink == 1
        return own and os.read(self._descriptor, len(self._header) + 1) == self._header

    def _open(self, flags: int, access: int = os.O_WRONLY) -> None:
        self._descriptor = os.open(self._path, access | flags, 0o600)
        self._regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)

    def _unusable(self, error: OSError) -> Unusable:
        return Unusable(f"Cannot write {self._path}: {error.strerror or error}.")


def require_distinct_files(options: ImportOptions, path: str, **plans: Path | None) -> None:
    """Raise `UsageError` when two of the files, *plans* among them, or one of them and a standard stream, are the same.

    A file that standard output goes to would be written over; a pipe has no beginning.
    """
    seen = {_identity(2): "standard error", _identity(1): "standard output"}
    seen[_identity(0 if path == STDIN else path)] = "the input"
    named = {name: getattr(options, name) for name in ("companion", *NAMES)} | plans
    for name, value in named.items():
        option = "--" + _OPTIONS.get(name, name).replace("_", "-")
        if value is not None and (identity := _identity(value)) is not None:
            first = seen.setdefault(identity, option)
            if first != option:
                raise UsageError(f"{value} is named twice: it cannot be {first} and {option} too.")


def _identity(file: Path | str | int) -> object:
    """What two names of one file have in common; None for what is no file that could be written over."""
    try:
        status = os.stat(file)  # noqa: PTH116 - standard input has no path
    except OSError:
        return None if isinstance(file, int) else os.path.realpath(file)
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _report_line(outcome: RowOutcome) -> str:
    row = outcome.row
    told = {
        "line": row.line,
        **({} if row.record is None else {"record": row.record}),
        "outcome": outcome.kind,
        "id": outcome.id,
        "code": outcome.code,
        "message": outcome.message,
    }
    return json.dumps(told) + "\n"


def _csv_rejects(columns: Sequence[str]) -> Callable[[RowOutcome], str]:
    kept = _kept(columns)

    def line(outcome: RowOutcome) -> str:
        row = outcome.row
        fields = row.original
        cells = [escaped(_text(fields.get(name))) for name in kept]
        if row.raw is not None:
            # It has no columns, so that it is all there is to mend.
            cells[0] = escaped(row.raw)
        return _csv([*cells, outcome.code, escaped(_one_line(outcome.message or ""))])

    return line


def _jsonl_reject(outcome: RowOutcome) -> str:
    row = outcome.row
    # A row without fields has no keys, so that its text is all there is to mend.
    fields = row.original if row.raw is None else {"username": row.raw}
    kept = {name: value for name, value in fields.items() if name not in _ADDED}
    return json.dumps({**kept, "error_code": outcome.code, "error": outcome.message}) + "\n"


def _kept(columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column not in _ADDED]


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return groups_cell(value)
    return json.dumps(value)


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _csv(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    # A carriage return alone ends a line for some readers, so it has to be quoted too.
    bare = any(isinstance(cell, str) and "\r" in cell for cell in cells)
    csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_ALL if bare else csv.QUOTE_MINIMAL).writerow(cells)
    return line.getvalue()
