"""Rows whose text was decoded with a wrong encoding, without an error: UTF-8 that was read as Windows-1252.

Such text has two or three characters for each letter with an accent: ``JÃ¼rgen`` for ``Jürgen``.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lback_cli.imports.formats.dialect import UTF_8
from lback_cli.imports.formats.dialect_guess import encoding_name
from lback_cli.imports.row import ImportRow
from lback_cli.text.escaping import safe

_WINDOWS = "cp1252"
_USUAL = frozenset({UTF_8, _WINDOWS})
_SECRETS = frozenset({"password", "password_hash"})
_EXAMPLES = 3
_LONGEST_SHOWN = 40


def _bytes_of_characters() -> dict[int, int]:
    """Return the byte of each character that is not ASCII, in ISO 8859-1 and in Windows-1252, which agree."""
    found = {}
    for byte in range(0x80, 0x100):
        found[byte] = byte  # Windows-1252 leaves five bytes undefined, which many programs read as these controls
        found[ord(bytes([byte]).decode(_WINDOWS, "ignore") or chr(byte))] = byte
    return found


_BYTES = _bytes_of_characters()
_CONTINUATION = "".join(re.escape(chr(code)) for code, byte in _BYTES.items() if byte < 0xC0)  # noqa: PLR2004 - RFC 3629

_SEQUENCE = re.compile(f"[\u00c2-\u00f4][{_CONTINUATION}]")
"""The first two bytes of a character in UTF-8 (RFC 3629), as Windows-1252 shows them."""

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_LIKELY = re.compile("[\u00a0-\u017f\u1e00-\u1eff\u2010-\u2044\u20ac\u2122]")
"""The characters that names and other text in Latin letters have besides ASCII."""

_QUOTED_CAPITAL = re.compile(
    "[A-Z][\u00c2-\u00c5][\u2019\u201c\u201d\u2013\u2014\u2026\u2039\u203a\u00ab\u00bb\u2122](?!\\w)"
)
"""A word in capital letters before a punctuation mark, such as ``TVÅ”``, which is also a letter in UTF-8."""


def intended(text: str, encoding: str = UTF_8) -> str | None:
    """Return what *text* says if UTF-8 was decoded as something else; None if the text is as it should be.

    The whole text must be valid UTF-8 after it is encoded again. A single character must also be one that Latin text
    has, because a capital letter before a punctuation mark can be two bytes of UTF-8 by chance: ``Í“``.

    Args:
        text: Some text of a file.
        encoding: The encoding that the text was decoded with. UTF-8 means that an earlier program decoded it, as
            Windows-1252 or ISO 8859-1.
    """
    if text.isascii():
        return None
    try:
        if encoding not in _USUAL:
            found = text.encode(encoding).decode("utf-8")
        elif _SEQUENCE.search(text):
            found = text.translate(_BYTES).encode("latin-1").decode("utf-8")
        else:
            return None
    except UnicodeError:
        return None
    runs = _FOREIGN.findall(found)
    if not any(len(run) > 1 or _LIKELY.match(run) for run in runs):
        return None
    return None if len(runs) == len(runs[0]) == 1 and _QUOTED_CAPITAL.search(text) else found


@dataclass(slots=True)
class MisreadRows:
    """Collects rows whose text was decoded with a wrong encoding.

    Attributes:
        encoding: The encoding that the file is read with.
        count: The number of rows.
        examples: Where the first of them are, and what they say.
    """

    encoding: str = UTF_8
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, row: ImportRow) -> None:
        """Add *row* if its text was decoded with a wrong encoding."""
        try:
            whole = "".join(row.cells)
            if whole.isascii() or (self.encoding in _USUAL and not _SEQUENCE.search(whole)):
                return  # most rows, in a fifth of the time
        except TypeError:
            pass  # not all cells are text
        if all(intended(text, self.encoding) is None for cell in row.cells for text in _texts(cell)):
            return
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(self._example(row))

    @classmethod
    def of(cls, encoding: str | None) -> "MisreadRows":
        """Return a collector for a file that is read with *encoding*; None is UTF-8."""
        return cls(encoding or UTF_8)

    @property
    def message(self) -> str:
        """What is wrong with the rows."""
        rows = "1 row looks" if self.count == 1 else f"{self.count:,} rows look"
        read_as = encoding_name(_WINDOWS if self.encoding == UTF_8 else self.encoding)
        more = "; ..." if self.count > len(self.examples) else ""
        return f"{rows} as if UTF-8 was read as {read_as} ({'; '.join(self.examples)}{more})."

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.encoding != UTF_8:
            return "Read the file as UTF-8: --encoding utf-8."
        return "An earlier program did that: export the file again, as UTF-8, or correct its text."

    def _example(self, row: ImportRow) -> str:
        for name, cell in zip(row.columns, row.cells, strict=True):
            for text in () if name in _SECRETS else _texts(cell):
                if (meant := intended(text, self.encoding)) is not None:
                    shown, read = (safe(one, limit=_LONGEST_SHOWN) for one in (text, meant))
                    return f"{row.place}: '{shown}' for '{read}'"
        return row.place


def _texts(cell: Any) -> Iterator[str]:
    values: Iterable[Any] = cell if isinstance(cell, list | tuple) else (cell,)
    return (value for value in values if isinstance(value, str))
