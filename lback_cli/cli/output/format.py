"""The interface of an output format."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TextIO

Record = Mapping[str, Any]
"""A result: text, numbers, booleans, None, and lists and mappings of these, by field name."""

Columns = Sequence[Sequence[Any]]
"""The values of some records, a sequence for each field."""

Outcome = Literal["created", "updated", "unchanged", "deleted", "restored", "skipped"]
"""What a command did to its object."""


class OutputFormat(ABC):
    """An output format: it writes the results of commands.

    To add a format, write a subclass and list it in the entry point group ``lback.outputs``, under the name that
    ``--output`` takes. It must have `record` and `records`; the other methods call these two.

    Attributes:
        json_errors: Whether errors and warnings on standard error are JSON objects, for formats that programs read.
        for_people: Whether people read the results. A command may then write sentences.
        brief: Whether a list has only the fields that fit on a screen, unless ``--fields`` names others.
        nested: Whether the attributes that the configuration declares are in one field, ``attributes``. Otherwise each
            is a field of its own.
        out: Where to write.
    """

    json_errors: ClassVar[bool] = False
    for_people: ClassVar[bool] = False
    brief: ClassVar[bool] = False
    nested: ClassVar[bool] = False

    def __init__(self, out: TextIO) -> None:
        self.out = out

    @abstractmethod
    def record(self, record: Record) -> None:
        """Write the only result of a command. A tuple in it is a list of phrases."""

    @abstractmethod
    def records(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write any number of results, each as soon as *records* yields it.

        Args:
            records: The results.
            columns: Their fields, in their order.
        """

    def pages(self, pages: Iterable[Columns], columns: Sequence[str]) -> None:
        """Write results that come as columns, a page at a time."""
        rows = (row for page in pages for row in zip(*page, strict=True))
        self.records((dict(zip(columns, row, strict=True)) for row in rows), columns)

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write results that arrive one by one, without an end, and flush after each."""
        for record in records:
            self.record(record)
            self.out.flush()

    def findings(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write the findings of checks: a status, a message and perhaps a hint each."""
        self.records(records, columns)

    def chart(self, records: Sequence[Record], totals: Record, columns: Sequence[str]) -> None:
        """Write counts. The first of the *columns* is the label, the others are counts; *totals* are for people."""
        self.records(records, columns)

    def document(self, record: Record, text: Iterable[str]) -> None:
        """Write one result. For people, *text* has its lines."""
        self.record(record)
