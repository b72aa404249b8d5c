"""Read users from an Excel workbook (.xlsx): its first sheet, by way of `workbook_worker`."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, NamedTuple

from lback_cli.errors import Unusable, ValidationError
from lback_cli.imports.columns import PLAIN_COLUMNS, ColumnChoice, Layout
from lback_cli.imports.formats import workbook_worker
from lback_cli.imports.formats.csv_reader import EMPTY_ROWS
from lback_cli.imports.formats.detection import require_workbook
from lback_cli.imports.row import ImportRow, RowReader, broken_row

OTHER_SHEETS = "other sheets"
"""What the sheets after the first are, which are left out."""

_START = 16  # bytes to recognise a workbook by


class Sheet(NamedTuple):
    """The first sheet of a workbook.

    Attributes:
        rows: Its rows, as `workbook_worker` writes them.
        others: The names of the other sheets.
    """

    rows: BinaryIO
    others: list[str]


def open_workbook(file: BinaryIO) -> Sheet:
    """Return the first sheet of the workbook *file*; its rows are in a private temporary file.

    Raises:
        ValidationError: The file is not a workbook, is encrypted or damaged, has macros, or needs too much to be read.
        Unusable: The extra package for workbooks is not installed, or the temporary file cannot be written.
    """
    require_workbook(file.read(_START))
    if find_spec("python_calamine") is None:
        raise Unusable("Reading workbooks needs python-calamine.", hint="Run: pip install 'lback-cli[xlsx]'")
    # The worker reads from where the descriptor is, which is past what was buffered.
    os.lseek(file.fileno(), 0, os.SEEK_SET)
    rows = tempfile.TemporaryFile(prefix="lback-")  # noqa: SIM115 - it stays open
    worker = [sys.executable, "-P", str(Path(workbook_worker.__file__))]
    done = subprocess.run(  # noqa: S603 - our own program
        worker, stdin=file.fileno(), stdout=rows, stderr=subprocess.PIPE, check=False
    )
    if done.returncode:
        rows.close()
        raise _refusal(done.returncode, done.stderr)
    return Sheet(rows, json.loads(done.stderr))


def read_sheet(
    file: BinaryIO,
    choice: ColumnChoice = PLAIN_COLUMNS,
    skip_lines: int = 0,
    left_out: Counter[str] | None = None,
) -> Iterator[ImportRow]:
    """Yield the rows of *file*, a `Sheet`, with their numbers in the sheet.

    Args:
        file: The rows of the sheet.
        choice: Which columns are read.
        skip_lines: How many rows come before the names of the columns.
        left_out: Counts rows that are left out.

    Raises:
        ValidationError: The header is missing, or an import cannot use it.
    """
    rows = _numbered(file, skip_lines)
    layout = _layout(rows, choice)
    reader = RowReader(layout.fields, choice.known)
    left_out = Counter() if left_out is None else left_out
    for number, cells in rows:
        if not cells:
            left_out[EMPTY_ROWS] += 1
            continue
        row = reader.read(number, layout.pick(cells)) if len(cells) == layout.width else None
        if row is not None:
            yield row
        elif len(cells) == layout.width:
            left_out[EMPTY_ROWS] += 1
        else:
            wrong_width = f"The row has {len(cells)} cells, the header {layout.width}."
            yield broken_row(number, ValidationError("row", wrong_width), raw=json.dumps(cells).encode())


def read_sheet_header(file: BinaryIO, choice: ColumnChoice, skip_lines: int) -> Layout:
    """Return what the cells of the rows of *file*, a `Sheet`, are.

    Raises:
        ValidationError: There is no header, or an import cannot use it.
    """
    return _layout(_numbered(file, skip_lines), choice)


def sheet_rows(file: BinaryIO) -> Iterator[list[str]]:
    """Yield the cells of the rows of *file*, a `Sheet`; none of an empty row."""
    for line in file:
        yield json.loads(line)


def _numbered(file: BinaryIO, skip_lines: int) -> Iterator[tuple[int, list[str]]]:
    return ((number, cells) for number, cells in enumerate(sheet_rows(file), 1) if number > skip_lines)


def _layout(rows: Iterator[tuple[int, list[str]]], choice: ColumnChoice) -> Layout:
    for number, cells in rows:
        if cells:
            return choice.layout(cells, f"row {number}")
    raise ValidationError("columns", "The sheet is empty.", hint="The first row names the columns.")


def _refusal(code: int, message: bytes) -> ValidationError:
    if code == workbook_worker.REFUSED:
        return ValidationError("file", message.decode("utf-8", "replace"))
    memory = workbook_worker.MEMORY // (1024 * 1024)
    return ValidationError(
        "file",
        f"Reading the workbook takes more than {memory} MiB or {workbook_worker.SECONDS} seconds.",
        hint="Save its sheet as CSV, and import that.",
    )
