"""The interface of an output format."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TextIO

Record = Mapping[str, Any]
"""A result: text, numbers, booleans, None, and lists and mappings of these, by field name."""


Outcome = Literal["created", "updated", "unchanged", "deleted", "skipped"]
"""What a command did to its object."""


def field_of(record: Record, column: str) -> Any:
    """Return a field of *record*, or the attribute of that name, which a table shows in a column of its own."""
    return record[column] if column in record else record["attributes"].get(column)


def columns_of(record: Record) -> list[str]:
    """Return the fields of one *record*; each of its attributes is a field of its own."""
    return [name for key in record for name in (record[key] if key == "attributes" else (key,))]


class OutputFormat(ABC):
    """An output format: it writes the results of commands.

    To add a format, write a subclass and list it in the entry point group ``lback.outputs``, under the name that
    ``--output`` takes. It must have `record` and `records`; the other methods call these two.

    Attributes:
        json_errors: Whether errors on standard error are JSON objects, for formats that programs read.
        for_people: Whether people read the results. A command may then write sentences.
        out: Where to write.
    """

    json_errors: ClassVar[bool] = False
    for_people: ClassVar[bool] = False

    def __init__(self, out: TextIO) -> None:
        self.out = out

    @abstractmethod
    def record(self, record: Record) -> None:
        """Write the only result of a command. A tuple in it is a list of phrases."""

    @abstractmethod
    def records(self, records: Iterable[Record], columns: Sequence[str], *, brief: Sequence[str]) -> None:
        """Write any number of results, each as soon as *records* yields it.

        Args:
            records: The results. All have the same fields.
            columns: All fields, in their order.
            brief: The fields that fit on a screen.
        """

    def stream(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write results that arrive one by one, without an end, and flush after each."""
        for record in records:
            self.record(record)
            self.out.flush()

    def findings(self, records: Iterable[Record], columns: Sequence[str]) -> None:
        """Write the findings of checks: a status, a message and perhaps a hint each."""
        self.records(records, columns, brief=columns)

    def chart(self, records: Sequence[Record], totals: Record, columns: Sequence[str]) -> None:
        """Write counts and their totals. The first of the *columns* is the label, the others are counts."""
        self.records([*records, totals], columns, brief=columns)

    def document(self, record: Record, text: Iterable[str]) -> None:
        """Write one result. For people, *text* has its lines."""
        self.record(record)
