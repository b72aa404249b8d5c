"""Workbooks as a spreadsheet program writes them, and some that ask for too much."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml"

HEAD = f'<?xml version="1.0"?><worksheet xmlns="{_MAIN}"><sheetData>'.encode()
TAIL = b"</sheetData></worksheet>"


def workbook(
    path: Path,
    rows: Sequence[Sequence[str | float | bool | None]] = (),
    *,
    sheets: Sequence[str] = ("Users",),
    content: Callable[[BinaryIO], object] | None = None,
    extra: str | None = None,
) -> Path:
    """Write a workbook whose first sheet has *rows*, or what *content* writes; *extra* is one more file in it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        names = [f"xl/worksheets/sheet{number}.xml" for number, _ in enumerate(sheets, 1)]
        archive.writestr("[Content_Types].xml", _content_types(names))
        archive.writestr("_rels/.rels", _relationships([("officeDocument", "xl/workbook.xml")]))
        archive.writestr("xl/_rels/workbook.xml.rels", _relationships([("worksheet", f"/{name}") for name in names]))
        listed = "".join(
            f'<sheet name="{name}" sheetId="{number}" r:id="rId{number}"/>' for number, name in enumerate(sheets, 1)
        )
        archive.writestr(
            "xl/workbook.xml", f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>{listed}</sheets></workbook>'
        )
        for name in names[1:]:
            archive.writestr(name, HEAD + TAIL)
        with archive.open(names[0], "w", force_zip64=True) as file:
            if content is not None:
                content(file)  # type: ignore[arg-type]  # typeshed has no BinaryIO here
            else:
                file.write(HEAD + "".join(map(_row, range(1, len(rows) + 1), rows)).encode() + TAIL)
        if extra is not None:
            archive.writestr(extra, "x")
    return path


def _row(number: int, cells: Sequence[str | float | bool | None]) -> str:
    written = "".join(_cell(f"{chr(65 + index)}{number}", cell) for index, cell in enumerate(cells) if cell is not None)
    return f'<row r="{number}">{written}</row>'


def _cell(place: str, value: str | float | bool) -> str:
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{escape(value)}</t></is></c>'
    if isinstance(value, bool):
        return f'<c r="{place}" t="b"><v>{int(value)}</v></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def _content_types(sheets: Sequence[str]) -> str:
    parts = {"xl/workbook.xml": "sheet.main", **dict.fromkeys(sheets, "worksheet")}
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{_SHEET}.{kind}+xml"/>' for name, kind in parts.items()
    )
    default = '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    return f'<Types xmlns="{_PACKAGE}/content-types">{default}{overrides}</Types>'


def _relationships(targets: Sequence[tuple[str, str]]) -> str:
    written = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{written}</Relationships>'
