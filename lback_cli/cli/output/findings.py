"""The layout of findings: a line for each, the hint below it, and no word broken."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

_STATUS, _CHECK = len("skipped"), len("configuration")
_MESSAGE = _STATUS + _CHECK + 4
_HINT = _MESSAGE + 2
"""The columns where message and hint begin."""

_NARROWEST = 24
"""If fewer columns are left, the terminal wraps the text."""


def finding_lines(finding: Mapping[str, Any], width: int | None) -> Iterator[tuple[str, str]]:
    """Yield the status and the rest of each line. Further lines have no status. Without *width* no line is wrapped."""
    status = "FAIL" if finding["status"] == "fail" else finding["status"]
    first, *others = _wrapped(finding["message"], width, _MESSAGE)
    yield status.ljust(_STATUS), f"  {finding['check'].ljust(_CHECK)}  {first}"
    for line in others:
        yield "", " " * _MESSAGE + line
    for line in _wrapped(finding["hint"], width, _HINT) if finding["hint"] else ():
        yield "", " " * _HINT + line


def _wrapped(text: str, width: int | None, indent: int) -> list[str]:
    if width is None or width - indent < _NARROWEST:
        return [text]
    return wrap(text, width - indent, break_long_words=False, break_on_hyphens=False) or [""]
