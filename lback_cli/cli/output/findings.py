"""How findings look to a person: a line for each, what to do below it, no word broken."""

from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

_STATUS, _CHECK = len("skipped"), len("configuration")
_MESSAGE = _STATUS + _CHECK + 4
_HINT = _MESSAGE + 2
"""Where the two begin."""

_NARROWEST = 24
"""Cells below which it is better to let the terminal wrap."""


def finding_lines(finding: Mapping[str, Any], width: int | None) -> Iterator[tuple[str, str]]:
    """The status and what follows it, then more lines that have none; without *width* no sentence is wrapped."""
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
