"""Write the first sheet of an Excel workbook as JSON Lines: a program that reads standard input.

It runs in a process of its own, because a small workbook can ask for any amount of memory and time: the limits of the
process end it. It imports nothing of lback, so that it starts fast. Its lines are lists of text, one for each row of
the sheet and empty for an empty row, so that the number of a line is that of the row. Empty columns before the first
cell of the sheet are left out.
"""

import io
import json
import resource
import sys
import zipfile
from datetime import datetime, time
from typing import Any

MEMORY = 150 * 1024 * 1024
"""Bytes of address space."""

SECONDS = 60
"""Seconds of computing."""

LARGEST_OUTPUT = 2 * 1024 * 1024 * 1024
"""Bytes of the rows."""

REFUSED = 7
"""The exit code for a workbook that is not read; standard error has the reason."""

_MACROS = "vbaproject.bin"
_BINARY_BOOK = "xl/workbook.bin"
_BOOK = "xl/workbook.xml"


def main() -> int:
    """Convert standard input, and return the exit code. Names of other sheets go to standard error as a JSON list."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_OUTPUT, LARGEST_OUTPUT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    content = sys.stdin.buffer.read()
    reason = _refusal(content)
    if reason is not None:
        sys.stderr.write(reason)
        return REFUSED
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        del content
        names = book.sheet_names
        sheet = book.get_sheet_by_index(0)
    except CalamineError:
        sys.stderr.write("The workbook is damaged.")
        return REFUSED
    margin: int | None = None
    for row in sheet.iter_rows():
        cells = [_text(cell) for cell in row]
        if not any(cells):
            sys.stdout.write("[]\n")
            continue
        if margin is None:
            margin = next(index for index, cell in enumerate(cells) if cell)
        sys.stdout.write(json.dumps(cells[margin:], ensure_ascii=False) + "\n")
    sys.stderr.write(json.dumps(names[1:]))
    return 0


def _refusal(content: bytes) -> str | None:
    """Return why the workbook is not read, or None."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name.lower() for name in archive.namelist()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return "The file is not a workbook."
    if any(name.endswith(_MACROS) for name in names):
        return "The workbook has macros, which lback does not read: save it without them, as .xlsx."
    if _BINARY_BOOK in names:
        return "The workbook is binary (.xlsb): save it as .xlsx."
    return None if _BOOK in names else "The file is a ZIP archive, and no workbook."


def _text(cell: Any) -> str:
    """Return a cell as its text in CSV would be."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return cell if isinstance(cell, str) else str(cell)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]  # it is a file
    sys.exit(main())
