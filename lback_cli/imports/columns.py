"""The columns of a file: which fields of a user they are, by their own names or as ``--map`` and ``--ignore`` say."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from lback_cli.attributes import Attribute, UserAttributes
from lback_cli.errors import UsageError, ValidationError
from lback_cli.imports.assignments import Pairs
from lback_cli.imports.options import IGNORE_ALL, ImportOptions
from lback_cli.text.escaping import safe

FIELDS = ("username", "email", "password", "password_hash", "groups", "is_active", "is_email_verified")
"""The columns that every import reads, besides those of attributes in lback's own table."""

INACTIVE = "is_inactive"
"""A column that says the opposite of ``is_active``, as that of many other programs does."""

IGNORED = ("id", "created_at", "updated_at", "error_code", "error")
"""Columns of exports and rejects that an import ignores."""

_LONGEST_SHOWN = 80
_ADDRESS = re.compile(r"[^@]+@[^@\s]+\.[^@\s]+")


class ImportColumns:
    """The columns that an import reads: `FIELDS`, and one for each attribute in lback's own table.

    Attributes:
        names: Their names.
        attributes: The attributes by name.
    """

    def __init__(self, known: UserAttributes) -> None:
        self.attributes: Mapping[str, Attribute] = {attribute.name: attribute for attribute in known.rows}
        self.names = (*FIELDS, *self.attributes)
        self.fields = frozenset((*self.names, INACTIVE))
        self._known = self.fields | frozenset(IGNORED)

    def __contains__(self, name: object) -> bool:
        return name in self._known


BUILT_IN_COLUMNS = ImportColumns(UserAttributes())
"""The columns of an import where the configuration declares no attributes."""


class Layout(NamedTuple):
    """What the cells of each row are.

    Attributes:
        fields: The fields that are read.
        indexes: The index of each field's cell; None if they are all cells in their order.
        width: The number of cells.
    """

    fields: tuple[str, ...]
    indexes: tuple[int, ...] | None
    width: int

    def pick(self, cells: Sequence[str]) -> Sequence[str]:
        """Return the cells of the fields."""
        return cells if self.indexes is None else [cells[index] for index in self.indexes]


@dataclass(frozen=True)
class ColumnChoice:
    """Which columns are read, and as which fields.

    Attributes:
        known: The columns that an import reads.
        mapping: The columns of the file by the fields that they are read as.
        ignored: Columns that are not read, or `IGNORE_ALL`.
        required: The fields that there must be columns for.
    """

    known: ImportColumns = BUILT_IN_COLUMNS
    mapping: Pairs = ()
    ignored: tuple[str, ...] = ()
    required: tuple[str, ...] = ("username", "email")

    @classmethod
    def of(cls, options: ImportOptions, known: ImportColumns) -> "ColumnChoice":
        """Return the choice that *options* make among the columns of a file.

        Raises:
            UsageError: A field to map a column to is unknown.
        """
        for field, _ in options.mapping:
            if field not in known.fields:
                raise UsageError(
                    f"--map: there is no field '{safe(field, limit=_LONGEST_SHOWN)}'.",
                    hint=f"Fields are {', '.join((*known.names, INACTIVE))}; [attributes] in the configuration "
                    "declares more.",
                )
        required = ("email",) if options.username_from is not None else ("username", "email")
        return cls(known, options.mapping, options.ignored, required)

    @property
    def is_plain(self) -> bool:
        """Whether all columns have the names of their fields."""
        return not (self.mapping or self.ignored)

    def layout(self, header: Sequence[str], where: str) -> Layout:
        """Return what the cells under *header* are.

        Args:
            header: The names of the columns.
            where: The place of the header, for messages.

        Raises:
            ValidationError: A column is unknown, empty, named twice, or missing.
        """
        keys = [_key(name) for name in header]
        self._require_mapped(header, keys, where)
        self._require_names(header, where)
        unnamed = [index for index, key in enumerate(keys) if not key]
        if unnamed and IGNORE_ALL not in self.ignored:
            raise _unnamed(keys, unnamed[0], where)
        fields, indexes, unknown = list[str](), list[int](), list[str]()
        for index, key in enumerate(keys):
            found = self._fields_of(key)
            if found is None:
                unknown.append(header[index].strip())
                continue
            fields += found
            indexes += [index] * len(found)
        if unknown:
            raise self._unknown(unknown, fields, where)
        twice = next((field for field, count in Counter(fields).items() if count > 1), None)
        if twice is not None:
            raise ValidationError("columns", f"{where}: the column {twice!r} comes twice.")
        for field in self.required:
            if field not in fields:
                raise _missing(field, fields, where)
        whole = indexes == list(range(len(header)))
        return Layout(tuple(fields), None if whole else tuple(indexes), len(header))

    def sort_out(self, names: Iterable[str]) -> tuple[list[str], list[str]]:
        """Return the fields that columns called *names* are read as, and the names that are unknown."""
        fields, unknown = list[str](), list[str]()
        for name in names:
            found = self._fields_of(_key(name))
            if found is None:
                unknown.append(name)
            fields += found or ()
        return fields, unknown

    def pick(self, values: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
        """Return the *values* of an object by the fields that its keys are, and the keys that are unknown.

        A column of the mapping may be a path with dots into nested objects.
        """
        if self.is_plain:
            return dict(values), [key for key in values if key not in self.known]
        picked: dict[str, Any] = {}
        unknown = []
        for key, value in values.items():
            found = self._fields_of(_key(key))
            if found is None and key not in self._first_steps:
                unknown.append(key)
            for field in found or ():
                picked[field] = value
        for field, column in self.mapping:
            if field not in picked and (value := _nested(values, column)) is not None:
                picked[field] = value
        return picked, unknown

    def _fields_of(self, key: str) -> list[str] | None:
        """Return the fields that a column is read as, none if it is ignored; None if it is unknown."""
        mapped, ignored = self._by_key
        if key in mapped or key in ignored:
            return mapped.get(key, [])
        if key in self.known and key not in dict(self.mapping):
            return [key]
        return [] if IGNORE_ALL in self.ignored else None

    @cached_property
    def _first_steps(self) -> set[str]:
        """The keys at which the paths of the mapping begin."""
        return {column.partition(".")[0] for _, column in self.mapping if "." in column}

    @cached_property
    def _by_key(self) -> tuple[dict[str, list[str]], set[str]]:
        """The fields of the mapping by column, and the ignored columns."""
        mapped: dict[str, list[str]] = {}
        for field, column in self.mapping:
            mapped.setdefault(_key(column), []).append(field)
        return mapped, set(map(_key, self.ignored))

    def _require_names(self, header: Sequence[str], where: str) -> None:
        """Refuse a header that has an address in it, unless the columns that must be there are."""
        address = next((name for name in header if _ADDRESS.fullmatch(name.strip())), None)
        if address is not None and not set(self.required) <= set(self.sort_out(header)[0]):
            raise ValidationError(
                "columns",
                f"{where}: there are no names of columns, but values such as '{safe(address, limit=_LONGEST_SHOWN)}'.",
                hint="Write the names of the columns above it, such as username,email.",
            )

    def _require_mapped(self, header: Sequence[str], keys: Sequence[str], where: str) -> None:
        for field, column in self.mapping:
            count = keys.count(_key(column))
            if count != 1:
                shown = f"'{safe(column, limit=_LONGEST_SHOWN)}'"
                problem = f"the column {shown} comes {count} times" if count else f"there is no column {shown}"
                raise ValidationError(
                    "columns",
                    f"{where}: {problem}, which --map reads as {field}.",
                    hint=f"Columns are {listed_names(header)}.",
                )

    def _unknown(self, unknown: Sequence[str], fields: Sequence[str], where: str) -> ValidationError:
        from lback_cli.imports.column_guess import proposed_options

        one = len(unknown) == 1
        what = "there is no column" if one else "there are no columns"
        return ValidationError(
            "columns",
            f"{where}: {what} {listed_names(unknown)} in lback.",
            hint=f"Add {proposed_options(unknown, fields, self.known)}.",
        )


PLAIN_COLUMNS = ColumnChoice()
"""All columns, by their own names."""


def listed_names(names: Iterable[str], *, most: int = 50) -> str:
    """Return *names* in quotes, with commas between them."""
    shown = [f"'{safe(name.strip(), limit=_LONGEST_SHOWN)}'" for name in names]
    return ", ".join(shown[:most]) + (f" and {len(shown) - most} more" if len(shown) > most else "")


def _key(name: str) -> str:
    """Return what equal names of columns have in common."""
    return name.strip().lower()


def _nested(values: Any, path: str) -> Any:
    """Return what is at *path*: a number selects an item of a list, and a name the values of all its items."""
    found = values
    for step in path.split("."):
        if isinstance(found, Mapping):
            found = found.get(step)
        elif isinstance(found, list) and step.isdecimal():
            found = found[int(step[:9])] if int(step[:9]) < len(found) else None
        elif isinstance(found, list):
            found = [item[step] for item in found if isinstance(item, Mapping) and item.get(step) is not None]
        else:
            return None
    return found


def _unnamed(keys: Sequence[str], index: int, where: str) -> ValidationError:
    at_end = not any(keys[index:])
    problem = "has an empty column at its end" if at_end else f"has no name for column {index + 1}"
    return ValidationError(
        "columns",
        f"{where}: the header {problem}.",
        hint=f"{'Delete the column' if at_end else 'Name it, or delete it'}, or add --ignore {IGNORE_ALL}.",
    )


def _missing(field: str, fields: Iterable[str], where: str) -> ValidationError:
    derived = ", or --username-from email" if field == "username" and "email" in fields else ""
    return ValidationError(
        "columns", f"{where}: the column {field!r} is missing.", hint=f"Add --map {field}=COLUMN{derived}."
    )
