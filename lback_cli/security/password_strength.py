"""Recognise predictable passwords: common ones, variations of words, and patterns on the keyboard."""

import gzip
import re
import string
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

# What people add to a word to satisfy composition rules.
_DECORATION = string.digits + string.punctuation + string.whitespace
_SEPARATORS = re.compile(r"[\W_]+")
_NO_LETTERS = re.compile(r"[\W\d_]+")
_LOOK_ALIKES = str.maketrans("01345789@$!|", "oieastbgasii")
_SHORTEST_WORD = 4
_LONGEST_PART = 64  # no listed password is longer; this bounds the work on a long password

# Sequences of digits and letters, and lines on keyboards: rows and columns of QWERTY, rows of QWERTZ and AZERTY.
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
    """Return *text* case-folded and in NFC, as passwords are compared with lists."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


@cache
def common_passwords() -> str:
    """Return the common passwords that come with lback: normalized, sorted, each between two line ends.

    ``data/README.md`` names their sources.
    """
    return gzip.decompress((Path(__file__).parent / "data" / "common_passwords.txt.gz").read_bytes()).decode("utf-8")


def is_common(words: Iterable[str]) -> bool:
    """Return whether one of *words* is a common password. They are normalized and hold no line ends."""
    text = common_passwords()
    return any(_has_line(text, word) for word in words)


def _has_line(text: str, line: str) -> bool:
    """Return whether *line* is one of the sorted lines of *text*, which begins and ends with a line end.

    It is a binary search. A command looks up a dozen words, and to split the text into a set would take longer.
    """
    start, end = 0, len(text) - 1  # the line ends around the rest of the text
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
    """Return the words that a normalized *password* may be built from, itself included.

    Digits and punctuation around a word, separators, repetition, and digits that stand for letters are removed: the
    base word of ``p@ssw0rd-123`` and of ``passwordpassword`` is ``password``.
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
    found |= {word.translate(_LOOK_ALIKES) for word in found}
    return {word for word in found if len(word) >= _SHORTEST_WORD}


def _partly_stripped(text: str) -> Iterator[str]:
    """Yield *text* with more or less of its decoration, as part of it may belong to the word: ``psalm23-2024``."""
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
    """Return how many characters of a normalized *password* do not follow from the ones before.

    A repeated part counts once. So does a run of three or more equal characters, or characters that follow each other
    in the alphabet, the digits or on a keyboard: ``qwerty123456`` has two independent characters.
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
    """Return the part that *text* repeats, else *text*. The last repetition may lack its last character."""
    # The prefix function of Knuth, Morris and Pratt: the length of the longest proper prefix that is also a suffix.
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
    """Map each pair of neighbours on a line to a set of directions, as bits from 3 on."""
    steps: dict[tuple[str, str], int] = {}
    bit = 1 << 3
    for line in _LINES:
        for way in (line, line[::-1]):
            for pair in pairwise(way):
                steps[pair] = steps.get(pair, 0) | bit
            bit <<= 1
    return steps


def _directions(pair: tuple[str, str]) -> int:
    """Return the directions from one character to the other, as bits: equal, up, down, and along lines."""
    difference = ord(pair[1]) - ord(pair[0])
    neighbour = {0: 1, 1: 2, -1: 4}.get(difference, 0)  # also the order of alphabets other than Latin
    return neighbour | _line_steps().get(pair, 0)
