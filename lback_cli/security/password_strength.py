"""What a guesser tries first: common passwords, what people put around them, and patterns on the keyboard."""

import gzip
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

# What people add to a word to satisfy a rule.
_DECORATION = string.digits + string.punctuation + string.whitespace
_SEPARATORS = re.compile(r"[\W_]+")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_LOOK_ALIKES = str.maketrans("01345789@$!|", "oieastbgasii")
_SHORTEST_CORE = 4
_LONGEST_PART = 64  # no listed password is longer; this bounds the work on a long one

# Straight lines over digits and keyboards (rows and columns of QWERTY, rows of QWERTZ and AZERTY), either way.
_LINES = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyza",
    "1234567890qwertyuiopasdfghjklzxcvbnm",
    "1234567890qwertzuiopasdfghjklyxcvbnm",
    "1234567890azertyuiopqsdfghjklmwxcvbn",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "!@#$%^&*()_+",
)
_SHORTEST_RUN = 3


def normalize(text: str) -> str:
    """Return the form in which passwords are compared with lists: case-folded, in NFC."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@cache
def common_passwords() -> str:
    """Return the `normalize` common passwords that come with lback, sorted, each on a line between line ends.

    ``data/README.md`` has their sources.
    """
    return gzip.decompress((Path(__file__).parent / "data" / "common_passwords.txt.gz").read_bytes()).decode("utf-8")


def is_common(words: Iterable[str]) -> bool:
    """Return whether one of *words*, which hold no line ends, is a common password."""
    text = common_passwords()
    return any(_has_line(text, word) for word in words)


def _has_line(text: str, line: str) -> bool:
    """Return whether *line* is one of the sorted lines of *text*, which begins with a line end and ends with one.

    A command looks up a dozen words: cutting the text into a set for them would take longer than all else here.
    """
    start, end = 0, len(text) - 1  # line ends, with what is left of the text between them
    while start < end:
        before = text.rfind("\n", start, (start + end) // 2 + 1)
        after = text.index("\n", before + 1)
        found = text[before + 1 : after]
        if found == line:
            return True
        if found < line:
            start = after
        else:
            end = before
    return False


def base_words(password: str) -> set[str]:
    """Return what a `normalize` *password* comes down to, itself among it.

    Digits and punctuation around it, separators, repetition, and digits that stand for letters are undone:
    ``p@ssw0rd-123`` comes down to ``password``, and so does ``passwordpassword``.
    """
    found = {password}
    for text in (password, _SEPARATORS.sub("", password)):
        found.add(_unrepeated(text))
        found.add(_unrepeated(text.strip(_DECORATION)))
        found.add(_unrepeated(text).strip(_DECORATION))
        found.update(_partly_stripped(text))
    words = {word for word in _NO_LETTERS.split(password) if word}
    if len(words) == 1:
        found |= words
    found |= {core.translate(_LOOK_ALIKES) for core in found}
    return {core for core in found if len(core) >= _SHORTEST_CORE}


def _partly_stripped(text: str) -> Iterator[str]:
    """Yield *text* with less and less of its decoration: that of ``psalm23-2024`` is not all an addition."""
    inner = text.strip(_DECORATION)
    if not inner or len(inner) > _LONGEST_PART:
        return
    start = text.index(inner)
    end = start + len(inner)
    for last in range(end, min(len(text), start + _LONGEST_PART) + 1):
        yield text[start:last]
        yield text[:last]
    for first in range(max(0, end - _LONGEST_PART), start):
        yield text[first:end]
        yield text[first:]


def independent_characters(password: str) -> int:
    """Return how many characters of a `normalize` *password* were a choice of their own.

    A repeated part counts once, and so does each run of three or more characters along the alphabet, the digits or a
    keyboard, or of one character: ``qwerty123456`` has two.
    """
    text = _unrepeated(password)
    steps = [_directions(pair) for pair in pairwise(text)]
    counted = position = 0
    while position < len(text):
        end, direction = position, ~0
        while end < len(steps) and direction & steps[end]:
            direction &= steps[end]
            end += 1
        counted += 1
        position = end + 1 if end + 1 - position >= _SHORTEST_RUN else position + 1
    return counted


def _unrepeated(text: str) -> str:
    """Return the part of which *text* is two or more repetitions; the last one may be cut short by a character."""
    # The prefix function of Knuth, Morris and Pratt: the longest proper prefix that is also a suffix.
    border = [0] * len(text)
    length = 0
    for position in range(1, len(text)):
        while length and text[position] != text[length]:
            length = border[length - 1]
        if text[position] == text[length]:
            length += 1
        border[position] = length
    period = len(text) - length
    return text[:period] if 2 * period <= len(text) + 1 else text


@cache
def _line_steps() -> dict[tuple[str, str], int]:
    """Map each step along a line to the set of directions it belongs to, as bits from 3 on."""
    steps: dict[tuple[str, str], int] = {}
    bit = 1 << 3
    for line in _LINES:
        for way in (line, line[::-1]):
            for pair in pairwise(way):
                steps[pair] = steps.get(pair, 0) | bit
            bit <<= 1
    return steps


def _directions(pair: tuple[str, str]) -> int:
    """Return the directions that lead from one character to the other: none, up, down, the same again, lines."""
    difference = ord(pair[1]) - ord(pair[0])
    neighbour = {0: 1, 1: 2, -1: 4}.get(difference, 0)  # also the order of alphabets other than Latin
    return neighbour | _line_steps().get(pair, 0)
