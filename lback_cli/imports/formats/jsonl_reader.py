"""Read users from JSON: one object on each line, or a list of objects."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from lback_cli.errors import LbackError, ValidationError
from lback_cli.imports.column_names import meanings
from lback_cli.imports.columns import IGNORED, PLAIN_COLUMNS, ColumnChoice, listed_names
from lback_cli.imports.formats.detection import require_json_lines
from lback_cli.imports.formats.dialect import UTF_8, in_utf8, not_in_encoding, without_mark
from lback_cli.imports.formats.json_stream import JsonStream, Record
from lback_cli.imports.formats.strict_json import JsonError, StrictDecoder
from lback_cli.imports.row import LARGEST_RECORD, ImportRow, broken_row, row_of

ATTRIBUTES = "attributes"
"""The key under which results and exports have the attributes that a configuration declares."""

OTHER_OBJECTS = "objects without such fields"
"""What objects are in which a map finds nothing, such as the teams in an export of users; they are left out."""


def read_jsonl(
    file: BinaryIO,
    choice: ColumnChoice = PLAIN_COLUMNS,
    encoding: str = UTF_8,
    left_out: Counter[str] | None = None,
) -> Iterator[ImportRow]:
    """Yield the rows of *file* with their line numbers; blank lines and a byte order mark are skipped.

    Args:
        file: The file, with one object on each line.
        choice: Which keys are read. Attributes may also be in an object under `ATTRIBUTES`.
        encoding: The encoding of the file.
        left_out: Counts objects that are left out.

    Raises:
        ValidationError: The file as a whole has another format.
    """
    file = in_utf8(file, encoding)
    left_out = Counter() if left_out is None else left_out
    decoder, number = StrictDecoder(), 0
    while raw := file.readline(LARGEST_RECORD + 1):
        number += 1
        if number == 1:
            raw = without_mark(raw)
            require_json_lines(raw)
        if len(raw) > LARGEST_RECORD:
            yield broken_row(number, ValidationError("row", f"The line has more than {LARGEST_RECORD} bytes."), raw=raw)
            while not raw.endswith(b"\n") and (raw := file.readline(LARGEST_RECORD)):
                pass
        elif raw.strip():
            if (row := _row_of_line(decoder, number, raw, choice, encoding)) is not None:
                yield row
            else:
                left_out[OTHER_OBJECTS] += 1


def read_json(
    file: BinaryIO,
    choice: ColumnChoice = PLAIN_COLUMNS,
    encoding: str = UTF_8,
    left_out: Counter[str] | None = None,
) -> Iterator[ImportRow]:
    """Yield the rows of *file*, a list of objects, with the numbers of their lines and of the records.

    The list may be in an object, as `JsonStream.key_of_list` finds it.

    Args:
        file: The file.
        choice: Which keys are read. Attributes may also be in an object under `ATTRIBUTES`.
        encoding: The encoding of the file.
        left_out: Counts objects that are left out.
    """
    left_out = Counter() if left_out is None else left_out
    for record in records(in_utf8(file, encoding), left_out):
        if record.error is not None or not isinstance(record.data, dict):
            yield record.unreadable("is not a JSON object")
        elif (row := _row(record.line, record.data, choice)) is not None:
            yield record.located(row)
        else:
            left_out[OTHER_OBJECTS] += 1


def records(file: BinaryIO, left_out: Counter[str] | None = None) -> Iterator[Record]:
    """Yield the records of *file*: the items of a list, or of a list in an object, the values of an object, or lines.

    Args:
        file: The file.
        left_out: Counts the objects of other lists.
    """
    stream = JsonStream(file)
    if stream.peek() == "[":
        return stream.document()
    key = stream.key_of_list(_is_of_user)
    if key is not None:
        return stream.list_of(key, Counter() if left_out is None else left_out)
    return stream.keyed() if stream.is_keyed(_is_of_user) else stream.lines()


def _is_of_user(key: str) -> bool:
    return any(field in {"username", "email"} for field, _ in meanings(key, {}))


def _row_of_line(
    decoder: StrictDecoder, number: int, raw: bytes, choice: ColumnChoice, encoding: str
) -> ImportRow | None:
    problem = None
    try:
        fields = decoder.decode(raw.decode("utf-8"))
        if not isinstance(fields, dict):
            problem = "The line is not a JSON object."
    except UnicodeDecodeError as error:
        problem = not_in_encoding(error, "line", encoding)
    except JsonError as error:
        problem = f"The line {error}."
    if problem is not None:
        return broken_row(number, ValidationError("row", problem), raw=raw)
    return _row(number, fields, choice)


def _row(number: int, fields: dict[str, Any], choice: ColumnChoice) -> ImportRow | None:
    """Return the row of an object; None if a map finds nothing in it."""
    nested = fields.get(ATTRIBUTES) or {}
    if not isinstance(nested, dict):
        return broken_row(number, ValidationError(ATTRIBUTES, f"{ATTRIBUTES} must be an object."), fields)
    if (twice := next((key for key in nested if key in fields), None)) is not None:
        return broken_row(number, ValidationError("row", f"The key {twice[:80]!r} comes twice."), fields)
    picked, unknown = choice.pick({key: value for key, value in fields.items() if key != ATTRIBUTES})
    unknown += [key for key in nested if key not in choice.known.attributes]
    if unknown:
        return broken_row(number, _unknown_keys(unknown, picked, choice), fields)
    if choice.mapping and not nested and not any(picked[field] for field in picked if field not in IGNORED):
        return None
    row = row_of(number, {**picked, **nested}, choice.known)
    if choice.is_plain:
        row.columns, row.cells = fields.keys(), fields.values()
    return row


def _unknown_keys(unknown: list[str], picked: dict[str, Any], choice: ColumnChoice) -> LbackError:
    from lback_cli.imports.column_guess import proposed_options

    what = "There is no key" if len(unknown) == 1 else "There are no keys"
    return ValidationError(
        "row",
        f"{what} {listed_names(unknown)} in lback.",
        hint=f"Add {proposed_options(unknown, picked, choice.known)}.",
    )
