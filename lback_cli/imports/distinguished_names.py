"""Names of entries in a directory (RFC 4514), such as ``CN=Editors,OU=Groups,DC=example,DC=org``."""

import re
from typing import NamedTuple

_ATTRIBUTE = r"(?:[A-Za-z][A-Za-z0-9-]*+|[0-9.]++)"
_VALUE = r"(?:\\.|[^\\,+;|\n])*+"
_PART = re.compile(rf"\s*+({_ATTRIBUTE})\s*+=\s*+({_VALUE})([,+]?)", re.DOTALL)
_FIRST = re.compile(r"\s*+(?:cn|ou|uid)\s*+=", re.IGNORECASE)
_BETWEEN = re.compile(r"(?<!\\)[;|\n]|(?<=,)(?=\s*+(?:cn|uid)\s*+=)", re.IGNORECASE)
_ROOT = re.compile(r"\s*+(?:dc|o|c)\s*+=", re.IGNORECASE)
_ESCAPED = re.compile(r"\\((?:[0-9a-fA-F]{2}(?:\\(?=[0-9a-fA-F]{2}))?)+|.)", re.DOTALL)
_HEX = re.compile(r"[0-9a-fA-F]{2}")
_SPACES = re.compile(r"\s+")
_SEPARATORS = str.maketrans({"\\": r"\\", ",": r"\,", "+": r"\+"})


class _Part(NamedTuple):
    """An attribute in a name, in lower case, with its value, and what follows it: a comma, a plus sign or nothing."""

    attribute: str
    value: str
    end: str


def is_entry_name(text: str) -> bool:
    """Return whether *text* is the name of a person or of a group in a directory."""
    return _FIRST.match(text) is not None and len(_parts(text)) > 1


def entry_names(cell: str) -> list[str] | None:
    """Return the names of entries in *cell*; None if it has something else.

    ``csvde`` separates them by semicolons. Scripts also use bars, line ends or commas; a comma separates two names if
    the one before it has reached the root of the directory.
    """
    if _FIRST.match(cell) is None:
        return None
    names, start = [], 0
    for match in _BETWEEN.finditer(cell):
        end = match.start()
        if match[0] or _ROOT.match(cell, cell.rfind(",", start, end - 1) + 1):
            names.append(cell[start:end])
            start = match.end()
    names.append(cell[start:])
    found = [name.strip().removesuffix(",") for name in names if name.strip()]
    return found if all(map(is_entry_name, found)) else None


def canonical_entry_name(name: str) -> str:
    """Return what equal names of entries have in common.

    Neither case, spaces and escapes matter, nor the order of attributes that plus signs join (RFC 4514, section 2.2).
    """
    steps: list[list[str]] = [[]]
    for attribute, value, end in _parts(name):
        steps[-1].append(f"{attribute}={_plain(value)}")
        if end == ",":
            steps.append([])
    return ",".join("+".join(sorted(step)) for step in steps) or name.strip().casefold()


def common_name(name: str) -> str | None:
    """Return the value of ``cn`` with which the name of an entry begins, or None."""
    return next((value for attribute, value, _ in _parts(name)[:1] if attribute == "cn" and value), None)


def _parts(name: str) -> list[_Part]:
    """Return the parts of the name of an entry; none if *name* is not one."""
    parts, position = list[_Part](), 0
    while (match := _PART.match(name, position)) is not None:
        parts.append(_Part(match[1].lower(), _ESCAPED.sub(_unescaped, match[2].strip()), match[3]))
        position = match.end()
        if not match[3]:
            return parts if position == len(name) else []
    return []


def _unescaped(match: re.Match[str]) -> str:
    """Return the text that an escape means: a character, or bytes in UTF-8 as pairs of hex digits."""
    if not _HEX.match(match[1]):
        return match[1]
    return bytes.fromhex(match[1].replace("\\", "")).decode("utf-8", "replace")


def _plain(value: str) -> str:
    # A separator in a value must not look like one between values.
    return _SPACES.sub(" ", value.strip()).casefold().translate(_SEPARATORS)
