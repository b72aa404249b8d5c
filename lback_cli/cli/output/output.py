"""Results on standard output in the chosen format; messages and errors on standard error."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from typing import Any, TextIO, TypeVar, cast

from lback_cli.cli.output.format import Columns, OutputFormat, Record
from lback_cli.cli.output.json_lines import write_json_lines
from lback_cli.cli.output.problems import show_text, show_warning, write_stderr
from lback_cli.cli.output.selection import flat, parse_fields, projected
from lback_cli.cli.output.width import screen_width
from lback_cli.problem import Problem
from lback_cli.text.escaping import safe

T = TypeVar("T")


class Output:
    """Writes the results and messages of a command.

    Attributes:
        name: The name of the output format.
        format: The output format.
        quiet: Whether to drop messages that are neither warnings nor errors, and what they say in a table.
        terse: Whether to drop a table that only says what a message says.
    """

    def __init__(
        self,
        name: str,
        format: OutputFormat,  # noqa: A002 - its name
        *,
        quiet: bool = False,
        terse: bool = False,
        fields: str | None = None,
        paged: bool = True,
    ) -> None:
        """Write results in *format*.

        Args:
            name: The name of the format.
            format: The format.
            quiet: Whether to drop messages that are neither warnings nor errors, and what they say in a table.
            terse: Whether to drop a table that only says what a message says.
            fields: The names of the fields of lists, separated by commas, instead of those that the format shows.
            paged: Whether a list that is longer than the terminal goes through a pager.
        """
        if not format.for_people:
            _use_utf8(format.out)
        self.name = name
        self.format = format
        self.quiet = quiet
        self.planned = False
        self.terse = terse
        self._fields = fields
        self._paged = paged

    @property
    def width(self) -> int | None:
        """The width of the terminal that results are shown on, or None."""
        return screen_width(self.format.out) if self.format.for_people else None

    def choose(
        self,
        columns: Sequence[str],
        *,
        brief: Sequence[str] | None = None,
        nested: Sequence[str] | None = None,
        more: Sequence[str] = (),
    ) -> Sequence[str]:
        """Return the fields of a list: those that ``--fields`` names, or those that the format shows.

        Args:
            columns: All fields, in their order.
            brief: The fields that fit on a screen, the most important first.
            nested: The fields for a format that keeps attributes in a field of their own.
            more: Fields that only ``--fields`` shows.

        Raises:
            UsageError: ``--fields`` names another field.
        """
        if self._fields is not None:
            return parse_fields(self._fields, list(dict.fromkeys((*columns, *(brief or ()), *more))))
        if brief is not None and self.format.brief:
            return brief
        return nested if nested is not None and self.format.nested else columns

    def default_limit(self, limit: int) -> int | None:
        """Return how many results a list has if no option says it: *limit* on a terminal, else all."""
        return limit if self.format.out.isatty() else None

    def record(self, record: Record) -> None:
        """Write the one result."""
        if self._fields is not None:
            record = projected(record, parse_fields(self._fields, list(flat(record))))
        self.format.record(record if self.format.nested else flat(record))

    def report(self, record: Record, *, essential: Sequence[str] = (), is_said: bool = False) -> None:
        """Write what a command did, which a message or the exit code says too.

        Args:
            record: The result.
            essential: The fields that nothing else says. Quiet output has only these in a table.
            is_said: Whether a message says the rest, so that terse output has only the essential fields in a table too.
        """
        if not self.format.for_people:
            self.record(self.marked(record))
        elif not (self.quiet or (self.terse and is_said)):
            self.record(record)
        elif essential:
            self.record({name: record[name] for name in essential})

    def marked(self, record: Record) -> Record:
        """Return *record*, which says what a command did, with a mark if it is only planned."""
        return {**record, "planned": True} if self.planned else record

    def records(
        self,
        records: Iterable[Record],
        columns: Sequence[str],
        *,
        brief: Sequence[str] | None = None,
        more: Sequence[str] = (),
        empty: str | None = None,
        asked: bool = True,
    ) -> None:
        """Write a list.

        Args:
            records: The results.
            columns: Their fields.
            brief: The fields that fit on a screen.
            more: Fields that only ``--fields`` shows.
            empty: The message if there are none, for formats other than JSON and YAML.
            asked: False for what the command does as it yields the results, or has done. All of them are read, so no
                pager ends it, and quiet output leaves them out of a table.
        """
        chosen = self.choose(columns, brief=brief, more=more)
        if asked:
            self._write_list(self.format.records, self._chosen(records, chosen), chosen, empty)
        elif self.quiet and self.format.for_people:
            for _ in records:
                pass
        else:
            self.format.records(self._chosen(records, chosen), chosen)

    def pages(self, pages: Iterable[Columns], columns: Sequence[str], *, empty: str | None = None) -> None:
        """Write a list that comes as pages of *columns*, which `choose` has returned."""
        self._write_list(self.format.pages, pages, columns, empty)

    def findings(self, records: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> None:
        """Write the findings of checks. Quiet output has only warnings and failures in a table."""
        if self.quiet and self.format.for_people:
            records = (record for record in records if record["status"] in {"warn", "fail"})
        self.format.findings(records, columns)

    def stream(
        self, records: Iterable[Record], columns: Sequence[str], *, brief: Sequence[str], more: Sequence[str] = ()
    ) -> None:
        """Write results that arrive one by one, each at once; the arguments are those of `records`."""
        chosen = self.choose(columns, brief=brief, more=more)
        self.format.stream(self._chosen(records, chosen), chosen)

    def chart(self, records: Sequence[Record], *, label: str, kinds: Sequence[str]) -> None:
        """Write counts of several *kinds*, with totals for people. *label* is the field that names a record."""
        totals = {label: "total", **{kind: sum(record[kind] for record in records) for kind in kinds}}
        self.format.chart(records, totals, (label, *kinds))

    def document(self, record: Record, text: Iterable[str]) -> None:
        """Write one result, of which *text* is the wording for people."""
        self.format.document(record, text)

    def json_lines(self, records: Iterable[Record]) -> None:
        """Write JSON Lines in every format, for data that has no other form."""
        write_json_lines(self.format.out, records)

    def text(self, pieces: Iterable[str]) -> None:
        """Write text that has its form already."""
        _use_utf8(self.format.out)
        for piece in pieces:
            self.format.out.write(piece)

    def limited(
        self, what: str, limit: int | None, count: Callable[[], int | None], *, next_page: str | None = None
    ) -> None:
        """Say that a list is not complete, and how to get the rest.

        Args:
            what: What the list has, in the plural.
            limit: How many it has.
            count: Returns how many there are in all, if that can be counted.
            next_page: The option that shows the next page.
        """
        if self.quiet:
            return
        total = count()
        found = f"The first {limit} {what}." if total is None else f"{limit} of {total} {what}."
        rest = "--limit 0 shows all" if next_page is None else f"{next_page} shows the next page, --limit 0 all"
        self.message(f"{found} {rest}.")

    def message(self, text: str, *, one_line: bool = False) -> None:
        """Show a message, unless the output is quiet or there is nothing to say. JSON has to stay on *one_line*."""
        if not text or self.quiet:
            return
        if one_line:
            write_stderr(safe(text) + "\n")
        else:
            show_text(text)

    def notice(self, text: str) -> None:
        """Show a message even if the output is quiet."""
        if self.format.json_errors:
            self.warning(text)
        else:
            show_text(text)

    def warning(self, message: str, *, hint: str | None = None) -> None:
        """Show a warning, and what to do about it."""
        show_warning(Problem(message, hint), as_json=self.format.json_errors)

    def _chosen(self, records: Iterable[Record], fields: Sequence[str]) -> Iterable[Record]:
        """Return *records* with the fields that `choose` has returned."""
        if self._fields is None and self.format.nested:
            return records
        return (projected(record, fields) for record in records)

    def _write_list(
        self,
        write: Callable[[Iterable[T], Sequence[str]], None],
        items: Iterable[T],
        columns: Sequence[str],
        empty: str | None,
    ) -> None:
        any_ = False

        def noted() -> Iterator[T]:
            nonlocal any_
            for item in items:
                any_ = True
                yield item

        with self._paging():
            write(noted(), columns)
        if not any_ and empty is not None and not self.format.json_errors:  # programs see an empty list
            self.message(empty)

    @contextmanager
    def _paging(self) -> Iterator[None]:
        """Let the block write to a pager if it writes more than the terminal can show."""
        stdout = self.format.out
        if not (self._paged and stdout.isatty()):
            yield
            return
        from lback_cli.cli.output.pager import Pager

        with Pager(stdout) as pager:
            self.format.out = cast("TextIO", pager)  # the methods that formats call
            try:
                yield
            finally:
                self.format.out = stdout


def _use_utf8(out: TextIO) -> None:
    """Let a pipe or a file have UTF-8, which programs expect, whatever the locale is. A terminal keeps its encoding."""
    if isinstance(out, TextIOWrapper) and not out.isatty() and out.encoding.lower() not in {"utf-8", "utf8"}:
        out.reconfigure(encoding="utf-8")
