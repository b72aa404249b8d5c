"""The layout of findings: a line for each, the hint below it, and no word broken."""

from collections.abc import Iterator, Mapping
from typing import Any

from lback_cli.cli.output.width import wrapped_message
from lback_cli.text.escaping import safe

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
        return [safe(text)]
    return wrapped_message(safe(text), width - indent)
