"""The refused rows of an import, grouped by what is wrong with them."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lback_cli.imports.results import RowOutcome
from lback_cli.imports.row import ImportRow
from lback_cli.text.escaping import safe

_RANGES = 6
"""Ranges of lines that are shown of a group."""

_MOST_GROUPS = 1000
"""Groups that are kept: a file in which every row is wrong in another way must not fill the memory."""


@dataclass(slots=True)
class _Group:
    """Rows that were refused for one reason.

    Attributes:
        first: The outcome of the first row.
        message: What its message says of any row.
        count: The number of rows.
        ranges: The first and the last number of some runs of rows.
        is_cut: Whether there are more runs.
    """

    first: RowOutcome
    message: str
    count: int = 0
    ranges: list[list[int]] = field(default_factory=list)
    is_cut: bool = False

    def add(self, number: int) -> None:
        self.count += 1
        if self.ranges and not self.is_cut and number - self.ranges[-1][1] in {0, 1}:
            self.ranges[-1][1] = number
        elif len(self.ranges) < _RANGES:
            self.ranges.append([number, number])
        else:
            self.is_cut = True

    @property
    def text(self) -> str:
        """The rows and their reason, in a line."""
        if self.count == 1:
            return f"{self.first.row.place}: {self.first.text}"
        shown = [str(first) if first == last else f"{first}-{last}" for first, last in self.ranges]
        unit = "lines" if self.first.row.record is None else "records"
        numbers = f"{unit} {', '.join(shown)}{', ...' if self.is_cut else ''}"
        text = f"{self.count:,} rows: {self.message.removesuffix('.')} ({numbers})."
        return text if self.first.hint is None else f"{text} {self.first.hint}"


class Failures:
    """Collects refused rows.

    Attributes:
        count: The number of rows.
    """

    def __init__(self) -> None:
        self.count = 0
        self._groups: dict[tuple[str, str | None], _Group] = {}

    def add(self, outcome: RowOutcome) -> None:
        """Add a refused row."""
        self.count += 1
        row = outcome.row
        message = general_message(row, outcome.message or "")
        key = (message, outcome.hint)
        group = self._groups.get(key)
        if group is None:
            if len(self._groups) == _MOST_GROUPS:
                return
            group = self._groups[key] = _Group(outcome, message)
        group.add(row.line if row.record is None else row.record)

    def leave_out(self, most: int) -> bool:
        """Return whether `lines` with *most* groups does not name every row."""
        shown = list(self._groups.values())[:most]
        return any(group.is_cut for group in shown) or self.count > sum(group.count for group in shown)

    def lines(self, most: int) -> Iterator[str]:
        """Yield a line of text for each of the *most* first groups, and one that counts the rows of the others."""
        shown = 0
        for group in list(self._groups.values())[:most]:
            shown += group.count
            yield group.text
        if self.count > shown:
            yield f"{self.count - shown:,} more rows were refused for other reasons."


def general_message(row: ImportRow, message: str) -> str:
    """Return *message*, which is about *row*, without the values that only this row has."""
    for own, general in _own_words(row):
        message = message.replace(own, general)
    return message


def _own_words(row: ImportRow) -> Iterator[tuple[str, str]]:
    """Yield what messages about *row* say with its values, and what they say of any row."""
    for name in dict.fromkeys((row.username, safe(row.username, limit=80), safe(row.username, limit=40))):
        if name:
            yield f"The user name {name!r}", "The user name"
            yield f"The user name '{name}'", "The user name"
            yield f"The password hash of {name.lower()} ", "The password hash "
            yield f"The password of {name} ", "The password "
            yield f"{name} has no e-mail address", "The user has no e-mail address"
    for address in dict.fromkeys((row.email, row.email.lower(), safe(row.email, limit=40))):
        if address:
            yield f"The e-mail address {address!r}", "The e-mail address"
            yield f"'{address}' is not a valid e-mail address", "The e-mail address is not valid"
    if row.derived_from:
        yield f", made from {safe(row.derived_from, limit=80)},", ", made from the address,"
