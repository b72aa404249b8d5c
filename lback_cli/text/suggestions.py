"""What a mistyped word may mean."""

from collections.abc import Iterable

ALIKE = 0.6
"""How alike words are, at least, if nothing else is said. Equal words are 1."""


def nearest(word: str, known: Iterable[str], *, likeness: float = ALIKE) -> str | None:
    """Return the word among *known* that is most like *word*, or None if none is like it."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word[:100], list(known), n=1, cutoff=likeness)), None)


def did_you_mean(word: str, known: Iterable[str], *, likeness: float = ALIKE) -> str:
    """Return the question whether *word* is one of *known*, or no text if none is like it."""
    near = nearest(word, known, likeness=likeness)
    return "" if near is None else f"Did you mean {near}?"
