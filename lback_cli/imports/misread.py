"""Names of columns and rows whose text was decoded with a wrong encoding, without an error."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lback_cli.errors import ValidationError
from lback_cli.imports.formats.dialect import UTF_8
from lback_cli.imports.formats.dialect_guess import encoding_name
from lback_cli.imports.row import ImportRow
from lback_cli.text.escaping import safe
from lback_cli.text.mojibake import SEQUENCE, USUAL_ENCODINGS, intended

_WINDOWS = "cp1252"
_SECRETS = frozenset({"password", "password_hash"})
_EXAMPLES = 3
_LONGEST_SHOWN = 40
_MARK = "\ufeff"


@dataclass(slots=True)
class MisreadText:
    """Collects names of columns and rows that were decoded with a wrong encoding.

    Attributes:
        encoding: The encoding that the file is read with.
        names: What such names of columns say, by name.
        count: The number of such rows.
        examples: Where the first of them are, and what they say.
    """

    encoding: str = UTF_8
    names: dict[str, str] = field(default_factory=dict)
    count: int = 0
    examples: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        """Return whether there is such text."""
        return bool(self.names or self.count)

    @classmethod
    def of(cls, encoding: str | None, names: Iterable[str] = ()) -> "MisreadText":
        """Return a collector for a file with columns called *names* that is read with *encoding*; None is UTF-8."""
        read_with = encoding or UTF_8
        misread = {name: meant for name in names if (meant := intended(name, read_with)) is not None}
        return cls(read_with, misread)

    def add(self, row: ImportRow) -> None:
        """Add *row* if its text was decoded with a wrong encoding."""
        try:
            whole = "".join(row.cells)
            if whole.isascii() or (self.encoding in USUAL_ENCODINGS and not SEQUENCE.search(whole)):
                return  # most rows, in a fifth of the time
        except TypeError:
            pass  # not all cells are text
        if all(intended(text, self.encoding) is None for cell in row.cells for text in _texts(cell)):
            return
        self.count += 1
        if len(self.examples) < _EXAMPLES:
            self.examples.append(self._example(row))

    @property
    def message(self) -> str:
        """What is wrong with the names and the rows."""
        found = []
        if self.names:
            found.append("1 name of a column" if len(self.names) == 1 else f"{len(self.names)} names of columns")
        if self.count:
            found.append("1 row" if self.count == 1 else f"{self.count:,} rows")
        verb = "looks" if len(self.names) + self.count == 1 else "look"
        return f"{' and '.join(found)} {verb} {self._cause}."

    @property
    def hint(self) -> str:
        """What to do about it."""
        if self.encoding != UTF_8:
            return "Read the file as UTF-8: --encoding utf-8."
        return "An earlier program did that: export the file again, as UTF-8, or correct its text."

    def advised(self, error: ValidationError) -> ValidationError:
        """Return *error*, which refuses the names of the columns, or what is wrong with them and what to do."""
        if not self.names:
            return error
        place = error.message.partition(":")[0]
        # The names can also be used as they are.
        alternative = f" {error.hint}" if self.encoding == UTF_8 and error.hint else ""
        return ValidationError(
            "columns", f"{place}: the names of columns look {self._cause}.", hint=f"{self.hint}{alternative}"
        )

    @property
    def _cause(self) -> str:
        """What was done wrongly, with examples."""
        read_as = encoding_name(_WINDOWS if self.encoding == UTF_8 else self.encoding)
        names = [_shown(name, meant.strip(_MARK)) for name, meant in list(self.names.items())[:_EXAMPLES]]
        shown = [*names, *self.examples][:_EXAMPLES]
        more = "; ..." if len(self.names) + self.count > len(shown) else ""
        return f"as if UTF-8 was read as {read_as} ({'; '.join(shown)}{more})"

    def _example(self, row: ImportRow) -> str:
        for name, cell in zip(row.columns, row.cells, strict=True):
            for text in () if name in _SECRETS else _texts(cell):
                if (meant := intended(text, self.encoding)) is not None:
                    return f"{row.place}: {_shown(text, meant)}"
        return row.place


def _shown(text: str, meant: str) -> str:
    shown, read = (safe(one, limit=_LONGEST_SHOWN) for one in (text, meant))
    return f"'{shown}' for '{read}'"


def _texts(cell: Any) -> Iterator[str]:
    values: Iterable[Any] = cell if isinstance(cell, list | tuple) else (cell,)
    return (value for value in values if isinstance(value, str))
