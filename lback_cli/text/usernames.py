"""The canonical form of user names and group names, which makes equal names equal text."""

import re
import unicodedata
from collections.abc import Sequence

from lback_cli.errors import ValidationError
from lback_cli.text.escaping import first_unsafe_character, safe

MAXIMUM_LENGTH = 64
# Longer text is rejected before its characters are examined.
_MAXIMUM_RAW_LENGTH = 256
_ECHO_LENGTH = 40

_ASCII_NAME = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{MAXIMUM_LENGTH - 1}}}", re.ASCII)
_ASCII_NAMES = re.compile(rf"{_ASCII_NAME.pattern}(?:\n{_ASCII_NAME.pattern})*+", re.ASCII)
_PUNCTUATION = frozenset("._-")

_ASCII_HINT = (
    f"Use 1 to {MAXIMUM_LENGTH} of the characters a-z, 0-9, '.', '_' and '-', beginning with a letter or digit."
)
_UNICODE_HINT = (
    f"Use 1 to {MAXIMUM_LENGTH} letters and digits of one script, '.', '_' and '-', beginning with a letter or digit."
)
_SETTING_HINT = "Use the letters a-z only, or set users.unicode_names to allow others."

# Scripts that are written together (UTS 39 section 5.1, without Latin).
_SCRIPTS_WRITTEN_TOGETHER = (
    frozenset({"CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA"}),
    frozenset({"CJK", "IDEOGRAPHIC", "HANGUL"}),
    frozenset({"CJK", "IDEOGRAPHIC", "BOPOMOFO"}),
)
# A dot above these letters is invisible, or makes one letter look like another (UTS 39 section 5.4).
_HIDDEN_DOT = re.compile("[ij\N{LATIN SMALL LETTER DOTLESS I}\N{LATIN SMALL LETTER DOTLESS J}]\N{COMBINING DOT ABOVE}")


def canonical_username(raw: str, *, unicode_names: bool = False) -> str:
    """Return the canonical form of the user name *raw*, which is stored and compared.

    The form is UsernameCaseMapped of RFC 8265 section 3.3 (width mapped, lower case, NFC), and stable. It has 1 to 64
    ASCII letters, digits, ``.``, ``_`` or ``-`` and begins with a letter or digit. With *unicode_names* the letters and
    digits may be of any one script (Japanese, Korean and Bopomofo with their ideographs). That rejects a Cyrillic
    letter in a Latin word, but not a word that consists of look-alikes.

    Raises:
        ValidationError: *raw* is not such a name; ``field`` is ``username``.
    """
    return _canonical(raw, "username", "user name", unicode_names=unicode_names)


def plain_usernames(raw: Sequence[str]) -> list[str] | None:
    """Return what `canonical_username` returns for each of *raw*, in a tenth of the time.

    Returns:
        The names; None if one is refused or has characters outside ASCII.
    """
    joined = "\n".join(raw)
    if not joined.isascii() or _ASCII_NAMES.fullmatch(joined := joined.lower()) is None:
        return None
    names = joined.split("\n")
    return names if len(names) == len(raw) else None


def canonical_group_name(raw: str) -> str:
    """Return the canonical form of the group name *raw*, by the ASCII rule of `canonical_username`.

    Raises:
        ValidationError: *raw* is not such a name; ``field`` is ``group``.
    """
    return _canonical(raw, "group", "group name", unicode_names=False)


def _canonical(raw: str, field: str, what: str, *, unicode_names: bool) -> str:
    # Most names need nothing else, whichever rule applies.
    if raw.isascii() and _ASCII_NAME.fullmatch(lower := raw.lower()):
        return lower
    if len(raw) > _MAXIMUM_RAW_LENGTH:
        raise ValidationError(
            field,
            f"The {what} has {len(raw)} characters.",
            hint=f"A {what} has at most {MAXIMUM_LENGTH} characters.",
        )
    if not raw:
        raise ValidationError(
            field, f"The {what} is empty.", hint=f"Give a {what} of 1 to {MAXIMUM_LENGTH} characters."
        )
    shown = f"The {what} '{safe(raw, limit=_ECHO_LENGTH)}'"
    if (hidden := first_unsafe_character(raw)) is not None:
        raise ValidationError(
            field,
            f"{shown} contains the invisible character {_code_point(hidden)}.",
            hint="Remove control and invisible characters.",
        )
    name = raw.lower() if raw.isascii() else _enforce(raw, field, shown)
    if not unicode_names:
        if _ASCII_NAME.fullmatch(name) is None:
            may_be_allowed = field == "username" and _unicode_problem(name) is None
            raise ValidationError(
                field, f"{shown} is not allowed.", hint=_SETTING_HINT if may_be_allowed else _ASCII_HINT
            )
        return name
    if (problem := _unicode_problem(name)) is not None:
        raise ValidationError(field, f"{shown} {problem}.", hint=_UNICODE_HINT)
    return name


def _enforce(raw: str, field: str, shown: str) -> str:
    """Apply UsernameCaseMapped to *raw* until the result is stable; once is not always enough (RFC 8264 section 7)."""
    from precis_i18n import get_profile  # takes 15 ms; most names are ASCII and do not need it

    profile = get_profile("UsernameCaseMapped")
    name = raw
    for _ in range(4):
        before = name
        try:
            name = profile.enforce(before)
        except UnicodeEncodeError as error:
            rule = error.reason.rpartition("/")[2]
            raise ValidationError(
                field,
                f"{shown} breaks the rule '{rule}' of RFC 8265 at {_code_point(error.object[error.start])}.",
                hint="Use letters and digits in their ordinary forms, without spaces or symbols.",
            ) from error
        if name == before:
            return name
    raise ValidationError(field, f"{shown} has no stable canonical form.", hint="Use ordinary letters and digits.")


def _unicode_problem(name: str) -> str | None:
    """Return which rule for Unicode names *name* breaks, as the predicate of a sentence about it, or None."""
    if len(name) > MAXIMUM_LENGTH:
        return f"has {len(name)} characters"
    if _HIDDEN_DOT.search(name):
        return "has an invisible dot over i or j"
    if unicodedata.category(name[0])[0] not in "LN":
        return "does not begin with a letter or digit"
    scripts = set()
    for character in name:
        if character in _PUNCTUATION or (character.isascii() and character.isdigit()):
            continue
        category = unicodedata.category(character)
        if category[0] not in "LM" and category != "Nd":
            return f"contains {_code_point(character)}, which is not a letter or a digit"
        script = re.split("[ -]", unicodedata.name(character, ""), maxsplit=1)[0]
        if script != "COMBINING":
            scripts.add(script)
    if len(scripts) > 1 and not any(scripts <= together for together in _SCRIPTS_WRITTEN_TOGETHER):
        return f"mixes scripts ({', '.join(sorted(script.capitalize() for script in scripts))})"
    return None


def _code_point(character: str) -> str:
    return f"U+{ord(character):04X}"
