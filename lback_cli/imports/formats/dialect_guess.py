"""Proposals for text that is unlike lback's own tables: its encoding, and what separates its columns.

A guess is never used unless the user accepts it: no detector is always right.
"""

import codecs
import csv
import re
from collections.abc import Sequence

from lback_cli.imports.column_guess import guess_columns
from lback_cli.imports.columns import ImportColumns
from lback_cli.imports.formats.detection import wide_encoding
from lback_cli.imports.formats.dialect import DELIMITER_NAMES, Dialect

_SEPARATOR_LINE = re.compile(r'"?sep=(.?)"?\s*', re.IGNORECASE)
_DELIMITERS = (",", ";", "\t", "|")
_LINES = 50
"""Lines to look at."""

_FARTHEST_HEADER = 15
"""Lines that may come before the names of the columns."""

_KNOWN_BESIDE_EMPTY = 2
"""Names that an import must know in a row with an empty cell between names, so that it names the columns."""

_WESTERN = frozenset("äöüßÄÖÜéèêëàâçñóíáúøåæœôîïìòùûÿãõÉÈÊÀÂÇÑÓÍÁÚØÅÆŒÔÎÃÕ«»„“”\u2018\u2019\u2013—…€£§°·¿¡ºª")
"""What text in Western European languages has besides ASCII."""

_WINDOWS = "cp1252"
_LATIN = ("cp1250", "cp1252", "cp1254", "cp1257", "iso8859_2", "cp437", "cp850", "cp852", "mac_roman")
_OTHER = (
    *("cp1251", "cp1253", "cp1255", "cp1256", "iso8859_5", "koi8_r", "cp866"),
    *("shift_jis", "euc_jp", "gb18030", "big5", "euc_kr"),
)
"""Encodings of Latin letters, and of others."""

_MOST_ACCENTED, _LEAST_FOREIGN = 0.5, 0.8
"""The share of accented letters in words that have any: at most in Western text, at least in another alphabet."""

_NAMES = {"shift_jis": "Shift_JIS", "mac_roman": "Mac Roman", "gb18030": "GB 18030", "big5": "Big5"}


def guess_encoding(text: bytes) -> str:
    """Return Python's name of the probable encoding of *text*, a part of a file that is not UTF-8."""
    if (wide := wide_encoding(text)) is not None:
        return wide
    western = text.decode(_WINDOWS, "replace")
    words = [word for word in re.findall(r"[^\W\d_]+", western) if not word.isascii()]
    letters = "".join(words)
    accented = sum(not letter.isascii() for letter in letters) / max(len(letters), 1)
    if accented <= _MOST_ACCENTED and all(letter.isascii() or letter in _WESTERN for letter in western):
        return _WINDOWS
    from charset_normalizer import from_bytes

    # A word of another alphabet looks like one of accented letters alone.
    candidates = _OTHER if accented >= _LEAST_FOREIGN else (*_LATIN, *_OTHER)
    best = from_bytes(text, cp_isolation=list(candidates)).best()
    return _WINDOWS if best is None else best.encoding


def encoding_name(encoding: str) -> str:
    """Return the name of an encoding as people know it."""
    if encoding.startswith("cp125"):
        return f"Windows-{encoding[2:]}"
    if encoding.startswith("cp"):
        return f"code page {encoding[2:]}"
    if encoding.startswith("iso8859"):
        return f"ISO 8859-{encoding[8:]}"
    return _NAMES.get(encoding, encoding.upper().replace("_", "-"))


def guess_dialect(start: bytes, given: Dialect, encoding: str, known: ImportColumns) -> Dialect:
    """Return how a table is probably written.

    Args:
        start: The beginning of the file.
        given: How the table should be written; what nothing speaks against is kept.
        encoding: The encoding of the file.
        known: The columns that an import reads.
    """
    text = codecs.decode(start, encoding, "replace")
    lines = [line.lstrip("\ufeff") for line in text.splitlines()[:_LINES]]
    if lines and (separator_line := _SEPARATOR_LINE.fullmatch(lines[0])) is not None:
        return Dialect(separator_line[1] or given.delimiter, encoding, 1)
    best = (0, 0.0, 0), given.delimiter, given.skip_lines
    for delimiter in _DELIMITERS:
        if (found := find_header([_split(line, delimiter) for line in lines], known)) is not None:
            index, score = found
            if lines[index].startswith("|"):
                continue  # a table of Markdown
            best = max(best, (score, delimiter, index), key=lambda one: one[0])
    return Dialect(best[1], encoding, best[2])


def describe(dialect: Dialect, given: Dialect) -> list[str]:
    """Return what *dialect* has that *given* has not, in words: ``semicolons``, ``the encoding Windows-1252``."""
    found = []
    if dialect.delimiter != given.delimiter:
        found.append(DELIMITER_NAMES.get(dialect.delimiter, f"{dialect.delimiter!r} between the columns"))
    if dialect.encoding != given.encoding:
        found.append(f"the encoding {encoding_name(dialect.encoding)}")
    if dialect.skip_lines != given.skip_lines:
        one = dialect.skip_lines == 1
        found.append(f"{'a line' if one else f'{dialect.skip_lines} lines'} before the names of the columns")
    return found


def find_header(rows: Sequence[Sequence[str]], known: ImportColumns) -> tuple[int, tuple[int, float, int]] | None:
    """Return the index of the row that names the columns, and how much speaks for it; None without such a row.

    What speaks for a row is, in this order, how many of its names an import knows, how many rows are as long, and its
    length.
    """
    for index, header in enumerate(rows[:_FARTHEST_HEADER]):
        named = ",".join(name.strip().replace(",", " ") for name in header).rstrip(",").split(",")
        names = [name for name in named if name]
        if len(names) < 2 or len(set(names)) < len(names):  # noqa: PLR2004 - one name needs none
            continue
        following = [len(row) for row in rows[index + 1 :] if row]
        alike = following.count(len(header)) / len(following) if following else 1.0
        meant = guess_columns(names, (), known)
        own = sum(name.lower() in known for name in names)
        if len(names) < len(named) and len(meant) + own < _KNOWN_BESIDE_EMPTY:
            continue
        if alike >= 0.5 or meant or own:  # noqa: PLR2004 - half of them
            return index, (len(meant) + own, alike, len(names))
    return None


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
