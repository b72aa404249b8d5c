"""The interface of a report: what it reads, its rows, and the parts of its page."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from lback_cli.events.moment import Moment
    from lback_cli.managers.dependencies import Dependencies
    from lback_cli.repositories.snapshot import Snapshot

Record = Mapping[str, Any]
"""A row: text, numbers, booleans and None, by field name."""

Columns = Sequence[Sequence[Any]]
"""The values of some rows, a sequence for each field."""

_PAGE = 500

Choice = Literal["as_of", "since", "until", "group"]
"""An option that a report may take."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the options of the command say. A report reads those that it takes.

    Attributes:
        as_of: The moment in the past; None for today.
        since: The first time, as RFC 3339 text in UTC.
        until: The time after the last, in the same form.
        group: The name of a group.
    """

    as_of: "Moment | None" = None
    since: str | None = None
    until: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """What a report reads.

    Attributes:
        found: One state of the database, with its users, groups and events.
        services: The dependencies of managers, with the configuration.
        request: What the options of the command say.
    """

    found: "Snapshot"
    services: "Dependencies"
    request: Request


@dataclass(frozen=True, slots=True)
class Figures:
    """Single numbers, each with what it counts."""

    items: Sequence[tuple[str, int | str]]


@dataclass(frozen=True, slots=True)
class Bars:
    """Counts of few things, with a bar for each; the largest is the scale.

    Attributes:
        title: The question that the chart answers.
        label: What the things are, such as ``actor``.
        unit: What is counted.
        rows: The names and counts, in the order of display.
        note: What is left out, or how to read the chart.
    """

    title: str
    label: str
    unit: str
    rows: Sequence[tuple[str, int]]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """Counts in rows and columns.

    Attributes:
        title: The question that the chart answers.
        label: What the columns of a timeline are, such as ``day``, or the rows of a heat map.
        columns: The names of the columns.
        rows: The name of each row, and its count for each column.
        note: How to read the chart.
    """

    title: str
    label: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[int]]]
    note: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted."""
        return not any(any(counts) for _, counts in self.rows)


class Timeline(Grid):
    """Counts over time: columns for each kind, each with a scale of its own."""

    __slots__ = ()


class HeatMap(Grid):
    """Counts of hours and weekdays, for example: the higher a count, the darker its cell."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of fields. A browser can sort and search them.

    Attributes:
        title: What the rows are.
        columns: The titles of the fields, by their names.
        rows: The rows.
        note: What is left out, or how to read the table.
        empty: What to say if there are no rows.
        total: How many rows there are in all, if *rows* may have fewer.
    """

    title: str
    columns: Mapping[str, str]
    rows: Iterable[Record]
    note: str = ""
    empty: str = "None."
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence that the reader of the page needs."""

    text: str


Part = Figures | Bars | Timeline | HeatMap | Table | Note
"""A part of a page."""


class Report(ABC):
    """A report: it reads one state of the database.

    To add a report, write a subclass and list it in the entry point group ``lback.reports`` under the name that
    ``lback report`` takes. It must have `columns` and `records`; its page then has one table. The module is imported
    for the help too, so import what is slow inside the methods.

    Attributes:
        title: The title of the page.
        description: What the report says, in a sentence: the help of the command.
        examples: Command lines, by what they do.
        takes: The options that the report takes.
        default_since: What ``--since`` means if it is not given, such as ``30d``.
        columns: The fields of `records`, in their order.
        brief: The fields that fit on a screen.
        notes: Sentences about the rows that `records` or `parts` found incomplete. They are read at the end.
        source: What the report reads.
    """

    title: ClassVar[str]
    description: ClassVar[str]
    examples: ClassVar[Mapping[str, str]]
    takes: ClassVar[frozenset[Choice]] = frozenset()
    default_since: ClassVar[str | None] = None
    columns: ClassVar[Sequence[str]]
    brief: ClassVar[Sequence[str] | None] = None

    def __init__(self, source: Source) -> None:
        self.source = source
        self.notes: list[str] = []

    @abstractmethod
    def records(self) -> Iterable[Record]:
        """Yield the rows as they are read, because there may be a million."""

    def pages(self, fields: Sequence[str]) -> Iterator[Columns]:
        """Yield the rows some at a time, as a sequence of values for each of *fields*."""
        rows = iter(self.records())
        while page := list(islice(rows, _PAGE)):
            yield [[row.get(field) for row in page] for field in fields]

    def parts(self) -> Iterator[Part]:
        """Yield the parts of the page in their order. The default is a table of all rows."""
        titles = {name: name.replace("_", " ") for name in self.columns}
        yield Table(self.title, titles, self.records())


@dataclass(slots=True)
class Largest:
    """Keeps the largest counts of many.

    Attributes:
        counts: The count of each name.
    """

    counts: dict[str, int] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """Count *name* once more."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def first(self, number: int) -> tuple[list[tuple[str, int]], str]:
        """Return the *number* largest counts, and a sentence about the others."""
        ordered = sorted(self.counts.items(), key=lambda item: (-item[1], item[0]))
        return ordered[:number], others(ordered[number:])


def others(rest: Sequence[tuple[str, int]]) -> str:
    """Return a sentence about the counts that a chart leaves out."""
    return f"{len(rest):,} others, together {sum(count for _, count in rest):,}, are not shown." if rest else ""
