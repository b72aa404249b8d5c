"""Text that was decoded with a wrong encoding, without an error: UTF-8 that was read as Windows-1252.

Such text has two or three characters for each letter with an accent: ``JÃ¼rgen`` for ``Jürgen``.
"""

import re

_UTF_8, _WINDOWS = "utf-8", "cp1252"
USUAL_ENCODINGS = frozenset({_UTF_8, _WINDOWS})
"""The encodings with which such text has `SEQUENCE`."""


def _bytes_of_characters() -> dict[int, int]:
    """Return the byte of each character that is not ASCII, in ISO 8859-1 and in Windows-1252, which agree."""
    found = {}
    for byte in range(0x80, 0x100):
        found[byte] = byte  # Windows-1252 leaves five bytes undefined, which many programs read as these controls
        found[ord(bytes([byte]).decode(_WINDOWS, "ignore") or chr(byte))] = byte
    return found


_BYTES = _bytes_of_characters()
_CONTINUATION = "".join(re.escape(chr(code)) for code, byte in _BYTES.items() if byte < 0xC0)  # noqa: PLR2004 - RFC 3629

SEQUENCE = re.compile(f"[\u00c2-\u00f4][{_CONTINUATION}]")
"""The first two bytes of a character in UTF-8 (RFC 3629), as Windows-1252 shows them."""

_FOREIGN = re.compile(r"[^\x00-\x7f]+")
_LIKELY = re.compile("[\u00a0-\u017f\u1e00-\u1eff\u2010-\u2044\u20ac\u2122\ufeff]")
"""The characters that names and other text in Latin letters have besides ASCII, and the byte order mark."""

_QUOTED_CAPITAL = re.compile(
    "[A-Z][\u00c2-\u00c5][\u2019\u201c\u201d\u2013\u2014\u2026\u2039\u203a\u00ab\u00bb\u2122](?!\\w)"
)
"""A word in capital letters before a punctuation mark, such as ``TVÅ”``, which is also a letter in UTF-8."""


def intended(text: str, encoding: str = _UTF_8) -> str | None:
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
        if encoding not in USUAL_ENCODINGS:
            found = text.encode(encoding).decode("utf-8")
        elif SEQUENCE.search(text):
            found = text.translate(_BYTES).encode("latin-1").decode("utf-8")
        else:
            return None
    except UnicodeError:
        return None
    runs = _FOREIGN.findall(found)
    if not any(len(run) > 1 or _LIKELY.match(run) for run in runs):
        return None
    return None if len(runs) == len(runs[0]) == 1 and _QUOTED_CAPITAL.search(text) else found
