"""Text from outside as text of HTML: it is never markup, and nothing in it is invisible."""

from html import escape
from typing import Any

from lback_cli.text.escaping import safe

NOTHING = "\N{EN DASH}"
"""What a cell without a value shows."""

_MINUTE, _SECOND = len("2026-01-31T12:00"), len("2026-01-31T12:00:00Z")


def text(value: object) -> str:
    """Return *value* as text of HTML, with a visible escape for characters that are invisible or reorder others."""
    return escape(safe(value), quote=True)


def cell(value: Any) -> str:
    """Return a cell of a table. Numbers are right-aligned, and can be sorted as numbers."""
    if value is None:
        return f"<td>{NOTHING}"
    if isinstance(value, bool):
        return "<td>yes" if value else "<td>no"
    if isinstance(value, int):
        return f"<td class=n>{value}"
    if len(value) == _SECOND and value[-1] == "Z" and value[10] == "T":
        return f"<td class=t>{text(value[:10])} {text(value[11:-1])}"
    return f"<td>{text(value)}"
