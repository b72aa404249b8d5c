"""Escape text from outside before a terminal shows it."""

import unicodedata

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"

# Letters and marks that a terminal draws as nothing: Default_Ignorable_Code_Point of the Unicode Character Database,
# without the categories Cf and Cn.
_INVISIBLE = frozenset(
    chr(code)
    for first, last in (
        (0x034F, 0x034F),
        (0x115F, 0x1160),
        (0x17B4, 0x17B5),
        (0x180B, 0x180F),
        (0x3164, 0x3164),
        (0xFE00, 0xFE0F),
        (0xFFA0, 0xFFA0),
        (0xE0100, 0xE01EF),
    )
    for code in range(first, last + 1)
)


def safe(text: object, *, limit: int | None = None) -> str:
    r"""Return *text* with a visible escape for every character that could control a terminal or be invisible on it.

    These are control characters (C0 with newline and tab, DEL, C1), format characters (bidirectional controls,
    zero-width characters, tags), line and paragraph separators, lone surrogates, private and unassigned code points,
    and all others that Unicode draws as nothing. ESC becomes ``\x1b``, and U+202E becomes ``\u202e``. Other characters
    are unchanged, backslashes too, so the result is for reading and not for parsing (ASVS 16.4.1).

    Args:
        text: A string, or an object to convert to one.
        limit: The maximum number of characters, at least 1. A longer result is cut, never within an escape, and ends in
            an ellipsis.
    """
    whole = text if type(text) is str else str(text)
    if limit is None:
        return whole if _is_plain(whole) else "".join(map(_visible, whole))
    # An escape is never shorter than its character, so the text beyond the limit does not matter.
    head = whole[: limit + 1]
    shown = head if _is_plain(head) else "".join(map(_visible, head))
    if len(shown) <= limit:
        return shown
    kept, room = [], limit - len(ELLIPSIS)
    for piece in map(_visible, head):
        if len(piece) > room:
            break
        kept.append(piece)
        room -= len(piece)
    return "".join(kept) + ELLIPSIS


def first_unsafe_character(text: str) -> str | None:
    """Return the first character of *text* that `safe` would escape, or None."""
    return None if _is_plain(text) else next((character for character in text if _is_unsafe(character)), None)


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable()


def _is_unsafe(character: str) -> bool:
    # isprintable() is false for the categories Cc, Cf, Cs, Co, Cn, Zl, Zp and Zs, of which only Zs (spaces) is safe.
    if character.isprintable():
        return character in _INVISIBLE
    return unicodedata.category(character) != "Zs"


def _visible(character: str) -> str:
    if not _is_unsafe(character):
        return character
    code = ord(character)
    if code <= 0xFF:  # noqa: PLR2004 - the widths of Python's own escapes
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - as above
