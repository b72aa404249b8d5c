"""The files that report on the rows, kept in step with the database.

Lines are written to the disk before the transaction commits that stores the new lengths. So after a crash a file is at
least as long as the import job says, and is cut back to that length.
"""

import contextlib
import csv
import io
import json
import os
import stat
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lback_cli.errors import Conflict, Unusable, UsageError
from lback_cli.imports.formats.csv_injection import escaped
from lback_cli.imports.formats.groups_cell import groups_cell
from lback_cli.imports.options import STDIN, ImportOptions
from lback_cli.imports.results import RowOutcome
from lback_cli.own_file import open_own, remove_own

NAMES = ("report", "rejects", "passwords")
"""The files, in the order in which their lengths are stored."""

_REJECTS, _PASSWORDS = NAMES.index("rejects"), NAMES.index("passwords")
_REJECT_COLUMNS = ("error_code", "error")
_OPTIONS = {"passwords": "generate_passwords"}
"""The names of command-line options, where they differ from those of `ImportOptions`."""


class ReportFiles:
    """The report files that the options name.

    Args:
        options: The options of the import.
        columns: The columns of the input.
        dry_run: Whether to leave out the file that only a real import writes: that of the passwords.
    """

    def __init__(self, options: ImportOptions, columns: Sequence[str], *, dry_run: bool = False) -> None:
        self._files = [
            _report(options.report) if options.report else None,
            _rejects(options.rejects, options.rejects_format, columns) if options.rejects else None,
            _passwords(options.passwords) if options.passwords and not dry_run else None,
        ]

    def begin(self) -> list[int]:
        """Create the files, and return their lengths.

        Raises:
            Unusable: A file cannot be written.
            Conflict: A file exists that must be new.
        """
        return [0 if file is None else file.begin() for file in self._files]

    def resume(self, lengths: Sequence[int]) -> None:
        """Open the files again, and cut them back to *lengths*.

        Raises:
            Conflict: A file is missing, or shorter than what was written.
        """
        for file, length in zip(self._files, lengths, strict=True):
            if file is not None:
                file.resume(length)

    def truncate(self, lengths: Sequence[int]) -> None:
        """Cut the files back to *lengths*."""
        for file, length in zip(self._files, lengths, strict=True):
            if file is not None:
                file.truncate(length)

    def write(self, outcomes: Sequence[RowOutcome]) -> list[int]:
        """Append *outcomes*, wait until they are on the disk, and return the new lengths.

        Raises:
            Unusable: A file cannot be written.
        """
        return [0 if file is None else file.write(outcomes) for file in self._files]

    def discard_passwords(self) -> None:
        """Delete the file of generated passwords: its users do not exist, because everything was rolled back."""
        file = self._files[_PASSWORDS]
        if file is not None:
            file.remove()

    def discard_empty_rejects(self) -> None:
        """Delete the file of refused rows if it has none."""
        file = self._files[_REJECTS]
        if file is not None and file.is_empty:
            file.remove()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            if file is not None:
                file.close()


@dataclass(slots=True)
class _ReportFile:
    """One of the files. Only its owner can read it, because it shows who has an account, or even the passwords.

    Attributes:
        path: The path.
        lines: Returns the lines of some outcomes.
        header: The first line.
        must_be_new: Whether an existing file must not be overwritten.
    """

    path: Path
    lines: Callable[[Sequence[RowOutcome]], Iterable[str]]
    header: str = ""
    must_be_new: bool = False
    _descriptor: int = -1
    _is_regular: bool = True

    def begin(self) -> int:
        try:
            if self.must_be_new:
                self._open_new()
            else:
                self._open(os.O_CREAT)
            if self._is_regular:
                os.ftruncate(self._descriptor, 0)
                os.fchmod(self._descriptor, 0o600)
        except OSError as error:
            raise self._unusable(error) from error
        return self._append(self.header)

    def resume(self, length: int) -> None:
        try:
            self._open(0)
            if not self._is_regular:
                return
            found = os.fstat(self._descriptor).st_size
            if found >= length:
                self.truncate(length)
                return
            problem = f"has {found} bytes, {length} were written"
        except FileNotFoundError:
            problem = "is missing"
        except OSError as error:
            raise self._unusable(error) from error
        raise Conflict(f"{self.path} {problem}.", hint="Restore the file, or begin again with --restart.")

    def truncate(self, length: int) -> None:
        if self._is_regular:
            os.ftruncate(self._descriptor, length)
            os.lseek(self._descriptor, 0, os.SEEK_END)

    def write(self, outcomes: Sequence[RowOutcome]) -> int:
        return self._append("".join(self.lines(outcomes)))

    @property
    def is_empty(self) -> bool:
        """Whether the file has nothing but its header."""
        return self._is_regular and os.fstat(self._descriptor).st_size <= len(self.header.encode())

    def remove(self) -> None:
        self.close()
        remove_own(self.path)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _append(self, text: str) -> int:
        data = memoryview(text.encode("utf-8", "backslashreplace"))
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
            if not self._is_regular:
                return 0
            os.fsync(self._descriptor)
            return os.lseek(self._descriptor, 0, os.SEEK_CUR)
        except OSError as error:
            raise self._unusable(error) from error

    def _open_new(self) -> None:
        """Create the file, or take over one that holds the header alone: a killed import may have left it.

        Raises:
            Conflict: Any other file exists.
        """
        try:
            self._open(os.O_CREAT | os.O_EXCL)
        except FileExistsError as error:
            with contextlib.suppress(OSError):
                self._open(0, os.O_RDWR)
                if self._holds_header_alone():
                    os.lseek(self._descriptor, 0, os.SEEK_SET)
                    return
            self.close()
            raise Conflict(f"{self.path} exists already.", hint="Name a new file for the passwords.") from error

    def _holds_header_alone(self) -> bool:
        """Return whether the file holds nothing but the header."""
        header = self.header.encode()
        return self._is_regular and os.read(self._descriptor, len(header) + 1) == header

    def _open(self, flags: int, access: int = os.O_WRONLY) -> None:
        self._descriptor = open_own(self.path, access | flags)
        self._is_regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)

    def _unusable(self, error: OSError) -> Unusable:
        return Unusable(f"Cannot write {self.path}: {error.strerror or error}.")


def require_distinct_files(options: ImportOptions, path: str, **plans: Path | None) -> None:
    """Refuse options that name one file twice.

    A file that standard output or standard error is redirected to would be overwritten.

    Args:
        options: The options, which name report files and a companion.
        path: The input.
        plans: Plan files by the name of their option.

    Raises:
        UsageError: Two of the files are the same.
    """
    seen = {_identity(2): "standard error", _identity(1): "standard output"}
    seen[_identity(0 if path == STDIN else path)] = "the input"
    named = {name: getattr(options, name) for name in ("companion", *NAMES)} | plans
    for name, value in named.items():
        option = "--" + _OPTIONS.get(name, name).replace("_", "-")
        if value is not None and (identity := _identity(value)) is not None:
            first = seen.setdefault(identity, option)
            if first != option:
                raise UsageError(f"{value} is named twice: it cannot be both {first} and {option}.")


def _identity(file: Path | str | int) -> object:
    """Return what all names of one file share, or None for what cannot be overwritten, such as a pipe."""
    try:
        status = os.stat(file)  # noqa: PTH116 - standard input has no path
    except OSError:
        return None if isinstance(file, int) else os.path.realpath(file)
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def _report(path: Path) -> _ReportFile:
    """Return the file with the outcome of each row, in JSON Lines."""

    def line(outcome: RowOutcome) -> str:
        row = outcome.row
        values = {
            "line": row.line,
            **({} if row.record is None else {"record": row.record}),
            "username": outcome.username or row.username,
            "outcome": outcome.kind,
            "id": outcome.id,
            "code": outcome.code,
            "message": outcome.message,
            "hint": outcome.hint,
            "cannot_log_in": list(outcome.obstacles),
        }
        return json.dumps(values) + "\n"

    return _ReportFile(path, lambda outcomes: map(line, outcomes))


def _passwords(path: Path) -> _ReportFile:
    """Return the file with the generated passwords, in CSV."""

    def lines(outcomes: Sequence[RowOutcome]) -> Iterable[str]:
        return (_csv([outcome.username, outcome.password]) for outcome in outcomes if outcome.password)

    return _ReportFile(path, lines, header="username,password\n", must_be_new=True)


def _rejects(path: Path, file_format: str, columns: Sequence[str]) -> _ReportFile:
    """Return the file with the refused rows, in the columns of the input."""
    kept = [column for column in columns if column not in _REJECT_COLUMNS]

    def csv_line(outcome: RowOutcome) -> str:
        row = outcome.row
        cells = [escaped(_cell(row.original.get(name))) for name in kept]
        if row.raw is not None:
            # The row has no columns, so its whole text goes into the first.
            cells[0] = escaped(row.raw)
        return _csv([*cells, outcome.code, escaped(" ".join(outcome.text.split()))])

    def jsonl_line(outcome: RowOutcome) -> str:
        row = outcome.row
        # A row without columns has its whole text under the first key.
        fields = row.original if row.raw is None else {"username": row.raw}
        values = {name: value for name, value in fields.items() if name not in _REJECT_COLUMNS}
        return json.dumps({**values, "error_code": outcome.code, "error": outcome.text}) + "\n"

    line = csv_line if file_format == "csv" else jsonl_line
    header = _csv([*kept, *_REJECT_COLUMNS]) if file_format == "csv" else ""

    def lines(outcomes: Sequence[RowOutcome]) -> Iterable[str]:
        return (line(outcome) for outcome in outcomes if outcome.kind == "failed")

    return _ReportFile(path, lines, header=header)


def _cell(value: Any) -> str:
    """Return a value of a row as text in a CSV cell."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return groups_cell(value)
    return json.dumps(value)


def _csv(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    # Some readers end a line at a lone carriage return, so such a cell has to be quoted.
    has_return = any(isinstance(cell, str) and "\r" in cell for cell in cells)
    csv.writer(line, lineterminator="\n", quoting=csv.QUOTE_ALL if has_return else csv.QUOTE_MINIMAL).writerow(cells)
    return line.getvalue()
