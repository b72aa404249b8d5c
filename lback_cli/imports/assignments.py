r"""Options that pair two texts: ``--map email=Address``, and several with commas; ``\,`` and ``\=`` escape."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lback_cli.errors import UsageError
from lback_cli.text.escaping import safe

Pairs = tuple[tuple[str, str], ...]

_PART = re.compile(r"\\[\\,=]|[,=]|[^\\,=]+|\\")
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
        UsageError: A text is not a pair, or a left side comes twice with different right sides.
    """
    pairs: dict[str, str] = {}
    for text in texts:
        for raw_left, raw_right in _pairs(text, one_each=one_each):
            left, right = raw_left.strip(), (raw_right or "").strip()
            if not (left and right):
                raise UsageError(
                    f"{option}: '{safe(text, limit=_LONGEST_SHOWN)}' is not {meaning}.",
                    hint=r"Write \, and \= for a comma and an equals sign in a name.",
                )
            if pairs.setdefault(left, right) != right:
                raise UsageError(f"{option} names '{safe(left, limit=_LONGEST_SHOWN)}' twice.")
    return tuple(pairs.items())


def read_pairs(path: Path) -> Pairs:
    """Return the pairs in the file at *path*: one on each line, where a comma needs no escape; ``#`` begins a comment.

    Raises:
        UsageError: The file cannot be read, or a line is not a pair.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(f"Cannot read {path}: {reason}.") from error
    filled = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return parse_pairs(f"--map-file {path}", filled, meaning="FIELD=COLUMN", one_each=True)


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
    for part in _PART.findall(text):
        if part == "," and not one_each:
            yield left, right
            left, right = "", None
        elif part == "=" and right is None:
            right = ""
        else:
            literal = part[1] if len(part) == 2 and part[0] == "\\" else part  # noqa: PLR2004 - an escape
            left, right = (left + literal, None) if right is None else (left, right + literal)
    yield left, right
