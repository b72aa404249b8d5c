"""Proposals for a file that an import does not take as it is: options that let it."""

import csv
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, BinaryIO, NamedTuple

from lback_cli.errors import ValidationError
from lback_cli.imports.column_guess import MAY_SAY, MOST_IGNORED, Misfit, guess_by_cells
from lback_cli.imports.columns import INACTIVE, ColumnChoice, ImportColumns
from lback_cli.imports.formats.dialect import UTF_8, Dialect, in_utf8
from lback_cli.imports.formats.dialect_guess import describe, find_header, guess_dialect, guess_encoding
from lback_cli.imports.formats.json_stream import KEY
from lback_cli.imports.formats.jsonl_reader import ATTRIBUTES, records
from lback_cli.imports.options import IGNORE_ALL, ImportOptions
from lback_cli.text.escaping import safe
from lback_cli.text.shell_quoting import command_line

START = 64 * 1024
"""Bytes of a file that proposals are made of."""

SEE_INSPECTION = "--inspect shows what it would read."
"""Where to see whether a proposal is right."""

_ROWS = 1000
"""Rows of a table to look at."""

_OBJECTS, _TEXT_OF_OBJECTS = 200, 1024 * 1024
"""Objects to look at, and characters of them."""

_FIRST_ROWS = 20
"""Rows among which the names of the columns are."""

_GROUP_LISTS = frozenset({"groups", "roles"})
_PEOPLE = frozenset({"user", "person", "inetorgperson", "organizationalperson", "posixaccount", "account"})
_CLASSES = re.compile(r"[;,|\s]+")
"""Classes of entries that are people, and what separates the classes of an entry."""

_OTHERS, _LONGEST_SHOWN = 5, 40
_DEPTH = 3
"""Levels of nested objects that have paths."""


class Sample(NamedTuple):
    """The beginning of a file.

    Attributes:
        names: The names of its columns, as they are written.
        rows: The first rows, of as many cells as there are columns.
    """

    names: list[str]
    rows: list[list[str]]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column that are not empty."""
        return [cell for cell in self.cells(name) if cell]

    def cells(self, name: str) -> list[str]:
        """Return the cells of a column."""
        index = self.names.index(name)
        return [row[index] for row in self.rows if any(row)]


def propose(
    file: BinaryIO, options: ImportOptions, known: ImportColumns, undecodable: bytes | None = None
) -> ImportOptions:
    """Return *options* with those that would let an import take *file*.

    Args:
        file: The file; of a workbook, the rows of its sheet.
        options: The given options, which are kept.
        known: The columns that an import reads.
        undecodable: A part of the file that is not UTF-8, if there is one.
    """
    if options.format == "csv":
        options = _with_dialect(file, options, known, undecodable)
    elif options.format == "xlsx":
        options = replace(options, skip_lines=options.skip_lines or _rows_before_header(file, known))
    elif undecodable is not None and options.encoding is None:
        options = replace(options, encoding=guess_encoding(undecodable))
    try:
        sample = read_sample(file, options)
    except (ValidationError, UnicodeError):
        return options
    return _with_columns(options, sample, known)


def dialect_of(options: ImportOptions) -> Dialect:
    """Return how *options* say that a table is written."""
    return Dialect(options.delimiter or ",", options.encoding or UTF_8, options.skip_lines)


def looks_like(proposed: ImportOptions, given: ImportOptions, reason: str = "") -> ValidationError:
    """Return the error of a file that looks as if it was written as *proposed*; *reason* is a sentence before it."""
    dialect, expected = dialect_of(proposed), dialect_of(given)
    changed = replace(
        ImportOptions(format=given.format),
        delimiter=dialect.delimiter if dialect.delimiter != expected.delimiter else None,
        encoding=dialect.encoding if dialect.encoding != expected.encoding else None,
        skip_lines=dialect.skip_lines if dialect.skip_lines != expected.skip_lines else 0,
    )
    words = describe(dialect, expected)
    listed = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return ValidationError(
        "file",
        f"{reason}The file seems to have {listed}: add {command_line(changed.reading_words())}.",
        hint=f"--guess accepts that, and {SEE_INSPECTION}",
    )


def read_sample(file: BinaryIO, options: ImportOptions) -> Sample:
    """Return the beginning of *file*, as *options* read it.

    Raises:
        ValidationError: The file has no beginning of that format.
    """
    file.seek(0)
    if options.format == "xlsx":
        from lback_cli.imports.formats.workbook import sheet_rows

        return _of_rows(list(islice(sheet_rows(file), options.skip_lines, options.skip_lines + _ROWS)))
    start = in_utf8(file, options.encoding or UTF_8).read(START).decode("utf-8", "replace")
    if options.format == "csv":
        lines = start.splitlines(keepends=True)[options.skip_lines :]
        lines[:1] = [line.lstrip("\ufeff") for line in lines[:1]]
        try:
            return _of_rows(list(islice(csv.reader(lines, delimiter=options.delimiter or ","), _ROWS)))
        except csv.Error as error:
            raise ValidationError("file", f"The file is not CSV: {error}.") from error
    file.seek(0)
    return _of_objects(in_utf8(file, options.encoding or UTF_8))


def _with_dialect(
    file: BinaryIO, options: ImportOptions, known: ImportColumns, undecodable: bytes | None
) -> ImportOptions:
    file.seek(0)
    given = dialect_of(options)
    encoding = given.encoding
    if undecodable is not None and options.encoding is None:
        encoding = guess_encoding(undecodable)
    found = guess_dialect(file.read(START), given, encoding, known)
    return replace(
        options,
        delimiter=found.delimiter if options.delimiter is None and found.delimiter != "," else options.delimiter,
        encoding=found.encoding if found.encoding != given.encoding else options.encoding,
        skip_lines=options.skip_lines or found.skip_lines,
    )


def _rows_before_header(file: BinaryIO, known: ImportColumns) -> int:
    """Return how many rows of a sheet come before the names of its columns, which an import has to know."""
    from lback_cli.imports.formats.workbook import sheet_rows

    file.seek(0)
    rows = list(islice(sheet_rows(file), _FIRST_ROWS))
    found = find_header(rows, known)
    return found[0] if found is not None and found[1][0] and any(map(any, rows[: found[0]])) else 0


def unread_columns(sample: Sample, options: ImportOptions, known: ImportColumns) -> list[Misfit]:
    """Return the columns of *sample* that by their names matter and that an import with *options* does not read."""
    choice = ColumnChoice.of(options, known)
    found = guess_by_cells(sample.names, (), known, sample.column)
    unread = [misfit for misfit in found.misfits if not choice.sort_out([misfit.column])[0]]
    if reads_who_is_active(sample, options, known):
        unread = [misfit for misfit in unread if misfit.reason.partition(";")[0] != MAY_SAY]
    return unread


def other_entries(sample: Sample) -> str | None:
    """Return a note on entries of a directory in *sample* that are not users, but would be imported as such."""
    column = next((name for name in sample.names if name.lower() == "objectclass"), None)
    cells = [] if column is None else [cell.lower() for cell in sample.column(column)]
    others = sorted({cell for cell in cells if _PEOPLE.isdisjoint(_CLASSES.split(cell)) or "computer" in cell})
    if not others:
        return None
    shown = ", ".join(safe(other, limit=_LONGEST_SHOWN) for other in others[:_OTHERS])
    return (
        f"Rows are not only users, but also {shown}, "
        "which would be imported as users: export only these, csvde -r '(&(objectCategory=person)(objectClass=user))'."
    )


def reads_who_is_active(sample: Sample, options: ImportOptions, known: ImportColumns) -> bool:
    """Return whether an import with *options* reads a column of *sample* that says who is active."""
    fields, _ = ColumnChoice.of(options, known).sort_out(sample.names)
    return "is_active" in fields or INACTIVE in fields


def _with_columns(options: ImportOptions, sample: Sample, known: ImportColumns) -> ImportOptions:
    """Add the proposals for the columns of *sample*, and for user names that are addresses."""
    own = [name for name in sample.names if _is_own(name, options, known)]
    _, unknown = ColumnChoice.of(options, known).sort_out(sample.names)
    given = dict(options.mapping)
    candidates = [name for name in sample.names if name in unknown or name in own]
    columns = dict(guess_by_cells(candidates, given, known, sample.column).pairs) | given
    unfit = [name for name in own if name not in columns.values() and name.lower() in {"username", "password"}]
    username_from = options.username_from
    name = _find(sample, columns.get("username"))
    if name is None and KEY in sample.names:
        columns["username"] = KEY
        username_from = "email" if any("@" in cell for cell in sample.cells(KEY)) else username_from
    elif name is None:
        username_from = "email" if "email" in columns else username_from
    elif any("@" in cell or not cell for cell in sample.cells(name)):
        username_from = "email"
        if "email" not in columns and 2 * sum("@" in cell for cell in sample.cells(name)) > len(sample.rows):
            columns["email"] = columns.pop("username")
    pairs = [
        (field, column)
        for field, column in columns.items()
        if field not in given and (column not in own or field != column.lower())
    ]
    used = {column.partition(".")[0] for _, column in pairs} | {column for _, column in pairs}
    rest = [name for name in unknown if name not in used and name.partition(".")[0] not in used]
    rest = [name for name in rest if "." not in name or name.partition(".")[0] not in sample.names]
    ignores_all = len(rest) > MOST_IGNORED or not all(rest)
    ignored = (IGNORE_ALL,) if ignores_all else tuple(rest)
    return replace(
        options,
        mapping=(*options.mapping, *pairs),
        ignored=tuple(dict.fromkeys((*options.ignored, *ignored, *unfit))),
        username_from=username_from,
    )


def _is_own(name: str, options: ImportOptions, known: ImportColumns) -> bool:
    """Return whether a column is a field by its own name, and no option says otherwise."""
    key = name.strip().lower()
    said = {column.lower() for column in (*options.ignored, *(column for _, column in options.mapping))}
    return key in known.fields and key not in said and key not in dict(options.mapping)


def _find(sample: Sample, column: str | None) -> str | None:
    wanted = None if column is None else column.strip().lower()
    return next((name for name in sample.names if name.strip().lower() == wanted), None)


def _of_rows(rows: Sequence[Sequence[str]]) -> Sample:
    """Return the sample whose first row that is not empty has the names."""
    filled = [list(row) for row in rows if any(row)]
    if not filled:
        raise ValidationError("file", "The file is empty.", hint="The first line names the columns.")
    names, *others = filled
    return Sample([name.strip() for name in names], [[*row, *[""] * len(names)][: len(names)] for row in others])


def _of_objects(file: BinaryIO) -> Sample:
    objects, size = list[dict[str, str]](), 0
    for record in islice(records(file), _OBJECTS):
        if record.error is None and isinstance(record.data, dict):
            objects.append({name: _text(value) for name, value in _flat(record.data, _DEPTH).items()})
            size += sum(map(len, objects[-1].values()))
        if size > _TEXT_OF_OBJECTS:
            break
    names = list(dict.fromkeys(name for one in objects for name in one))
    return Sample(names, [[one.get(name, "") for name in names] for one in objects])


def _flat(values: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """Return *values*, and those of nested objects under paths with dots.

    Of a list of objects, the path is that of the first; for groups, that of all.
    """
    found = {key: value for key, value in values.items() if key != ATTRIBUTES}
    for key, value in list(found.items()):
        inner, path = value, key
        if isinstance(value, list) and value and isinstance(value[0], dict):
            inner, path = value[0], key if key.lower() in _GROUP_LISTS else f"{key}.0"
        if isinstance(inner, dict) and depth:
            found |= {f"{path}.{name}": nested for name, nested in _flat(inner, depth - 1).items()}
    return found


def _text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)
