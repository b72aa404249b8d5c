r"""Options that pair two texts: ``--map email=Address``, and several with commas; ``\,`` and ``\=`` escape."""

import re
from collections.abc import Iterable, Iterator

from lback_cli.errors import UsageError
from lback_cli.text.escaping import safe

Pairs = tuple[tuple[str, str], ...]

_TOKEN = re.compile(r"\\[\\,=]|[,=]|[^\\,=]+|\\")
_SPECIAL = re.compile(r"[\\,=]")
_LONGEST_SHOWN = 80


def parse_pairs(option: str, texts: Iterable[str], *, meaning: str, one_each: bool = False) -> Pairs:
    """Return the pairs in *texts*, each of which is ``LEFT=RIGHT`` or several of these with commas.

    Args:
        option: The option, for messages.
        texts: The values of the option.
        meaning: What a pair is, for messages: ``FIELD=COLUMN``.
        one_each: Whether *texts* hold one pair each, so that a comma needs no escape.

    Raises:
        UsageError: A text is no pair, or a left side comes twice with different right sides.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        for left, right in _pairs(text, one_each=one_each):
            if not left.strip() or not (right or "").strip():
                raise UsageError(
                    f"{option}: '{safe(text, limit=_LONGEST_SHOWN)}' is not {meaning}.",
                    hint=r"Write \, and \= for a comma and an equals sign in a name.",
                )
            left, right = left.strip(), str(right).strip()
            if pairs.setdefault(left, right) != right:
                raise UsageError(f"{option} names '{safe(left, limit=_LONGEST_SHOWN)}' twice.")
    return tuple(pairs.items())


def parse_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the names in *texts*, each of which is a name or several with commas."""
    names = (left if right is None else f"{left}={right}" for text in texts for left, right in _pairs(text))
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def pair(left: str, right: str) -> str:
    """Return the text that `parse_pairs` reads as *left* and *right*."""
    return f"{escaped_name(left)}={escaped_name(right)}"


def escaped_name(name: str) -> str:
    """Return the text that stands for *name* in such an option."""
    return _SPECIAL.sub(lambda character: f"\\{character[0]}", name)


def _pairs(text: str, *, one_each: bool = False) -> Iterator[tuple[str, str | None]]:
    left, right = "", None
    for token in _TOKEN.findall(text):
        if token == "," and not one_each:
            yield left, right
            left, right = "", None
        elif token == "=" and right is None:
            right = ""
        else:
            literal = token[1] if len(token) == 2 and token[0] == "\\" else token  # noqa: PLR2004 - an escape
            left, right = (left + literal, None) if right is None else (left, right + literal)
    yield left, right
