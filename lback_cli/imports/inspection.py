"""What an import would read of a file: its columns, a sample, and the command to run. Nothing is changed."""

from collections.abc import Callable, Container
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, BinaryIO

from lback_cli.errors import LbackError, UsageError
from lback_cli.imports.columns import ColumnChoice, ImportColumns
from lback_cli.imports.formats.detection import NotATableError
from lback_cli.imports.formats.dialect import DELIMITER_NAMES
from lback_cli.imports.formats.dialect_guess import encoding_name
from lback_cli.imports.formats.groups_cell import groups_cell
from lback_cli.imports.group_names import is_possible_group, proposed_group
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.input_opening import detect_format, open_input
from lback_cli.imports.options import TEXT_FORMATS, ImportOptions
from lback_cli.imports.proposals import START, Sample, dialect_of, other_entries, unread_columns
from lback_cli.imports.results import one_line
from lback_cli.imports.row_check import RowCheck, check_rows
from lback_cli.imports.sources.registry import recognised_source
from lback_cli.managers.dependencies import Dependencies

_HIDDEN = "********"
_SECRETS = ("pass", "hash", "secret", "salt", "token", "kennwort", "contrase", "senha", "wachtwoord", "haslo", "heslo")
"""Parts of the names of columns whose values are not shown."""

_SAMPLES = 3
_LONGEST_SAMPLE = 40
_UNREAD = "(ignored)"

_INVITED = {
    "password": "All passwords are refused, so these users are invited.",
    "password_hash": "All hashes are refused, so these users are invited.",
}
_FAILURES = 5
"""Reasons of refused rows that are shown."""

_RENAMED = 20
"""Groups that get another name; of more, the import names the others."""


@dataclass(frozen=True)
class InspectedColumn:
    """A column of a file.

    Attributes:
        name: Its name in the file.
        fields: The fields that it is read as.
        sample: A few of its values; those of a secret are masked.
    """

    name: str
    fields: list[str]
    sample: list[str]

    @property
    def record(self) -> dict[str, Any]:
        """The column as a result."""
        return {"column": self.name, "becomes": ", ".join(self.fields) or _UNREAD, "sample": self.sample}


@dataclass(frozen=True)
class Inspection:
    """What an import would read of a file.

    Attributes:
        options: The options with which it would be read.
        columns: The columns.
        problem: Why it cannot be imported with these options, or None.
        notes: What is not read, and what would be refused.
        command: The command that shows what the import would do.
    """

    options: ImportOptions
    columns: list[InspectedColumn]
    problem: str | None
    notes: list[str]
    command: str

    @property
    def words(self) -> str:
        """How the file is written, in words."""
        options, dialect = self.options, dialect_of(self.options)
        words = [options.format.upper() if not options.is_foreign else f"a file of {options.format}"]
        if options.format in TEXT_FORMATS:
            words.append(encoding_name(dialect.encoding))
        if options.format == "csv":
            words.append(f"{DELIMITER_NAMES.get(dialect.delimiter, dialect.delimiter)} between the columns")
        if options.skip_lines:
            words.append("1 skipped line" if options.skip_lines == 1 else f"{options.skip_lines} skipped lines")
        return ", ".join(words)

    @property
    def description(self) -> dict[str, Any]:
        """How the file is written."""
        options, dialect = self.options, dialect_of(self.options)
        is_table = options.format == "csv"
        return {
            "format": options.format,
            "encoding": encoding_name(dialect.encoding) if options.format in TEXT_FORMATS else None,
            "delimiter": dialect.delimiter if is_table else None,
            "skipped_lines": options.skip_lines if is_table or options.format == "xlsx" else None,
        }


def inspect_input(
    path: str,
    options: ImportOptions,
    services: Dependencies,
    existing_groups: Callable[[], Container[str]],
    *,
    is_named: bool,
) -> Inspection:
    """Return what an import of the file at *path* would read.

    Args:
        path: The file; ``-`` is standard input.
        options: The options that are given.
        services: The rules for users.
        existing_groups: Returns the names of the groups that exist.
        is_named: Whether the format is given, and not to be found out.

    Raises:
        UsageError: The file cannot be opened.
        ValidationError: The file is neither text nor a workbook.
        NotATableError: The file is text of another kind.
    """
    known = ImportColumns(services.attributes)
    file = open_input(path)
    if not is_named:
        options = replace(options, format=_format_of(path, file))
    file.seek(0)
    with_guesses = replace(options, guess=not options.is_foreign)
    source = InputFile(path, with_guesses, known, file)
    notes = list[str]()
    try:
        problem = _problem(source, known)
        sample = _sample_of_rows(source) if options.is_foreign else source.sample()
        if problem is None:
            problem, notes, found = _check(source, services)
            source.options = _with_groups(source.options, found, existing_groups)
        if not options.is_foreign:
            others = other_entries(sample)
            misfits = [misfit.text for misfit in unread_columns(sample, source.options, known)]
            notes[:0] = [*misfits, *([others] if others else [])]
    finally:
        source.close()
    choice = ColumnChoice.of(source.options, known)
    columns = [_column(name, sample, choice) for name in sample.names]
    return Inspection(source.options, columns, problem, notes, source.options.command(path, "--plan"))


def _check(source: InputFile, services: Dependencies) -> tuple[str | None, list[str], RowCheck]:
    """Return why no row can be imported or None, what is wrong with some rows, and what else the rows say."""
    found = check_rows(source, services)
    notes = list[str]()
    if (useless := found.useless_secret) is not None:
        notes = [*found.failures.lines(1), _INVITED[useless]]
        source.use(_without(useless, source.options))
        found = check_rows(source, services)
    if found.misread:
        notes.append(f"{found.misread.message} {found.misread.hint}")
    refused, lines = found.failures.count, list(found.failures.lines(_FAILURES))
    if refused and refused == found.rows:
        return f"All rows are refused. {lines[0]}", [*notes, *lines[1:]], found
    if refused:
        first = "" if found.is_whole else "first "
        verb = "is" if refused == 1 else "are"
        notes += [f"{refused:,} of the {first}{found.rows:,} rows {verb} refused.", *lines]
    return None, notes, found


def _without(field: str, options: ImportOptions) -> ImportOptions:
    """Return *options* that do not read *field*."""
    column = dict(options.mapping).get(field, field)
    mapping = tuple(pair for pair in options.mapping if pair[0] != field)
    return replace(options, mapping=mapping, ignored=(*options.ignored, column))


def _with_groups(
    options: ImportOptions, found: RowCheck, existing_groups: Callable[[], Container[str]]
) -> ImportOptions:
    """Add the options that let the groups which rows name exist."""
    if not found.groups:
        return options
    existing = existing_groups()
    missing = [name for name in found.groups if name not in existing and name.lower() not in existing]
    impossible = [name for name in missing if not is_possible_group(name)]
    pairs = dict(options.group_map)
    for name in impossible[:_RENAMED]:
        group, number = proposed_group(name), 1
        while group in pairs.values() or group in existing or group in missing:
            number += 1
            group = f"{proposed_group(name)}-{number}"
        pairs[name] = group
    return replace(options, create_groups=options.create_groups or bool(missing), group_map=tuple(pairs.items()))


def _format_of(path: str, file: BinaryIO) -> str:
    """Return the format of *file* by its marks, or else by its name, or else by its first character."""
    start = file.read(START)
    if (source := recognised_source(start)) is not None:
        return source
    try:
        return detect_format(path)
    except UsageError:
        if start.startswith(b"PK\x03\x04"):
            return "xlsx"
        return "json" if start.lstrip()[:1] in {b"[", b"{"} else "csv"


def _problem(source: InputFile, known: ImportColumns) -> str | None:
    try:
        source.columns()
        source.require_rows()
    except NotATableError:
        raise
    except LbackError as error:
        return one_line(error)
    if source.options.is_foreign:
        return None
    choice = ColumnChoice.of(source.options, known)
    fields, _ = choice.sort_out(source.sample().names)
    missing = next((field for field in choice.required if field not in fields), None)
    return None if missing is None else f"No column is read as {missing}: add --map {missing}=COLUMN."


def _sample_of_rows(source: InputFile) -> Sample:
    """Return a sample of the file of another program, in lback's own columns."""
    rows = [row.original for row in islice(source.rows(), _SAMPLES) if row.raw is None]
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Sample(names, [[_text(row.get(name)) for name in names] for row in rows])


def _column(name: str, sample: Sample, choice: ColumnChoice) -> InspectedColumn:
    fields, _ = choice.sort_out([name])
    values = list(dict.fromkeys(sample.column(name)))[:_SAMPLES]
    is_secret = any(part in name.lower() for part in _SECRETS) or not {"password", "password_hash"}.isdisjoint(fields)
    shown = [_HIDDEN] if is_secret and values else [value[:_LONGEST_SAMPLE] for value in values]
    return InspectedColumn(name, fields, shown)


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return groups_cell([str(item) for item in value])
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)
