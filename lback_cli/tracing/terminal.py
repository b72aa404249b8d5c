"""The trace for people at a terminal: in colour, with a rail for each operation, wrapped at the terminal's width."""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from lback_cli.tracing.layout import NAME_WIDTH, Span, Style, Symbols, TraceLine

_STYLES: Mapping[Style, str] = {
    "operation": "bold",
    "time": "dim",
    "started": "cyan",
    "progress": "magenta",
    "success": "green",
    "failure": "bold red",
    "problem": "bold red",
    "name": "dim",
    "value": "",
    "note": "dim",
}
_RAIL = "dim"
_GAP = "  "
_HANGING = 2
_LEAST_ROOM = 20
# Columns beside the signal names from which on the arguments get a column of their own.
_ROOM_FOR_COLUMN = 60


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Raise the error again; rich would end the process in the middle of the operation."""
        raise  # noqa: PLE0704 - rich calls this while it handles the BrokenPipeError


class TerminalWriter:
    """Writes lines to *stream*, wrapped at its width if it is a terminal, with ANSI colours if *color* is true."""

    def __init__(self, stream: TextIO, symbols: Symbols, *, color: bool) -> None:
        self._stream = stream
        self._symbols = symbols
        self._console = _Console(
            file=stream,
            force_terminal=True,
            # Without a colour system rich uses no style at all, not even bold and dim.
            color_system="standard" if color else None,
            no_color=False,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def write(self, lines: Sequence[TraceLine], *, ended: bool) -> None:
        """Write *lines*. If *ended*, the last one closes the rail of its operation."""
        width = _width(self._stream)
        rows = [(line, row, first) for line in lines for row, first in self._rows(line, width)]
        texts = []
        for number, (line, row, first) in enumerate(rows, start=1):
            texts.append(self._rails(line, first=first, last=ended and number == len(rows)).append_text(row))
        self._console.print(Text("\n").join(texts), soft_wrap=True)

    def _rails(self, line: TraceLine, *, first: bool, last: bool) -> Text:
        symbols = self._symbols
        if last:
            own = symbols.end
        elif first and line.start != "rail":
            own = symbols.head if line.start == "head" else symbols.again
        else:
            own = symbols.rail
        return Text.assemble((f"{symbols.rail} " * line.depth + f"{own} ", _RAIL))

    def _rows(self, line: TraceLine, width: int | None) -> Iterator[tuple[Text, bool]]:
        """Yield the rows of *line* without rails, each with whether it is the first."""
        lead = _text(line.lead)
        if width is None:
            yield Text(_GAP).join([lead + _text(line.spans[0]), *map(_text, line.spans[1:])]), True
            return
        room = max(_LEAST_ROOM, width - 2 * (line.depth + 1) - lead.cell_len)
        indent = " " * lead.cell_len
        for number, row in enumerate(self._wrapped(line.spans, room)):
            yield (lead if number == 0 else Text(indent)) + row, number == 0

    def _wrapped(self, spans: Sequence[Span], room: int) -> list[Text]:
        """Wrap *spans* into rows of *room* columns. A span that fits a row is not split; later rows are indented."""
        name, *arguments = map(_text, spans)
        column = NAME_WIDTH + len(_GAP)
        hanging = column if room - column >= _ROOM_FOR_COLUMN else _HANGING
        if not arguments:
            return self._folded(name, room, _HANGING)
        name.pad_right(max(0, hanging - len(_GAP) - name.cell_len))
        rows, full = [name], False
        for argument in arguments:
            if not full and rows[-1].cell_len + len(_GAP) + argument.cell_len <= room:
                rows[-1] = rows[-1] + Text(_GAP) + argument
                continue
            folded = self._folded(argument, room - hanging, _HANGING)
            rows += [Text(" " * hanging) + row for row in folded]
            full = len(folded) > 1
        return rows

    def _folded(self, text: Text, room: int, indent: int) -> list[Text]:
        """Fold *text* into rows of at most *room* columns; later rows are indented."""
        if text.cell_len <= room:
            return [text]
        first, *rest = text.wrap(self._console, room - indent)
        for row in (first, *rest):
            row.rstrip()
        return [first, *(Text(" " * indent) + row for row in rest)]


def _text(span: Span) -> Text:
    return Text.assemble(*((text, _STYLES[style]) for text, style in span))


def _width(stream: TextIO) -> int | None:
    """Return the present width of the terminal to which *stream* writes; None if it is not a terminal."""
    if not stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
