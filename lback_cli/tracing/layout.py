"""The trace for people as lines of styled spans, and as plain text.

register_user 1f3c9a0b 2026-01-31 12:00:00+01:00
  +0.000s ▸ user_registration_started  username=Alice  email=Alice@Example.org
  +0.187s ✓ user_registered            user=alice (id 1)
            2 receivers

Times count from the beginning of the operation. Arguments that are None, and the session, are left out; the trace for
programs has them all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lback_cli.errors import OperationRejected
from lback_cli.signals import CATALOGUE, Delivery
from lback_cli.signals.emission import Role
from lback_cli.text.escaping import ELLIPSIS, safe
from lback_cli.text.times import local_time, timestamp
from lback_cli.tracing.values import as_text, exception_as_text, reason_as_text

Style = Literal[Role, "operation", "time", "name", "value", "note", "problem"]
"""The meaning of a part of a line, which decides its colour."""

Span = Sequence[tuple[str, Style]]
"""Parts that are kept on one line if they fit."""

NAME_WIDTH = max(map(len, CATALOGUE))
"""Columns of the longest signal name."""

_ID_LENGTH = 8
_TIME_WIDTH = 8
# An operation whose terminal signal is muted never seems to end; later operations must not be indented ever deeper.
_DEPTH_LIMIT = 6


@dataclass(frozen=True, slots=True)
class Symbols:
    """The characters that draw a trace. The first four mark the roles of signals, *problem* that of a receiver."""

    started: str
    progress: str
    success: str
    failure: str
    problem: str
    head: str
    again: str
    rail: str
    end: str
    ellipsis: str

    def of(self, role: Role) -> str:
        """Return the symbol of a signal with that *role*."""
        return {
            "started": self.started,
            "progress": self.progress,
            "success": self.success,
            "failure": self.failure,
        }[role]


UNICODE = Symbols("▸", "•", "✓", "✗", "!", "╭", "├", "│", "╰", ELLIPSIS)
ASCII = Symbols(">", "-", "+", "x", "!", "+", "+", "|", "`", "...")


def symbols_for(encoding: str) -> Symbols:
    """Return the Unicode symbols if *encoding* has them, else the ASCII symbols."""
    try:
        "".join(getattr(UNICODE, name) for name in UNICODE.__slots__).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


@dataclass(frozen=True, slots=True)
class TraceLine:
    """A line of the trace.

    *depth* is the number of operations around this one. *start* is ``head`` for the header of an operation, ``again``
    for one that is repeated, and ``rail`` below a header. *spans* follow *lead*; a writer may wrap them.
    """

    depth: int
    start: Literal["head", "again", "rail"]
    lead: Span
    spans: Sequence[Span]


class Layout:
    """Turns deliveries into lines, and tracks which operations run inside others.

    An operation that starts before another has ended runs inside it.
    """

    def __init__(self, encoding: str, *, dated: bool) -> None:
        """Begin a trace.

        Args:
            encoding: The encoding of the stream, which may not have all symbols.
            dated: Whether the header of an operation says when it began, for a trace that is read later.
        """
        self.symbols = symbols_for(encoding)
        self._dated = dated
        self._encoding = encoding
        self._open: list[str] = []
        self._ended: set[str] = set()
        self._last = ""

    def lines(self, delivery: Delivery) -> list[TraceLine]:
        """Return the lines for *delivery*."""
        depth = self._enter(delivery)
        lines = [] if delivery.operation_id == self._last else [self._header(delivery, depth)]
        self._last = delivery.operation_id
        elapsed = max((delivery.time - delivery.began).total_seconds(), 0.0)  # the clock may have been changed
        time = f"{f'+{elapsed:.3f}s':>{_TIME_WIDTH}} "
        blank = " " * len(time)
        lead: Span = [(time, "time"), (f"{self.symbols.of(delivery.role)} ", delivery.role)]
        lines.append(TraceLine(depth, "rail", lead, self._signal(delivery)))
        if delivery.receivers:
            count = "1 receiver" if delivery.receivers == 1 else f"{delivery.receivers} receivers"
            lines.append(TraceLine(depth, "rail", [(f"{blank}  ", "note")], [[(count, "note")]]))
        for text in _problems(delivery):
            lead = [(f"{blank}{self.symbols.problem} ", "problem")]
            lines.append(TraceLine(depth, "rail", lead, [[(self._encodable(text), "problem")]]))
        return lines

    def _enter(self, delivery: Delivery) -> int:
        """Make the operation of *delivery* the innermost one, and return the number of operations around it."""
        current, unfinished = delivery.operation_id, self._open
        if current in unfinished:
            del unfinished[unfinished.index(current) + 1 :]
        else:
            while unfinished and unfinished[-1] in self._ended:
                unfinished.pop()
            unfinished.append(current)
        self._ended.intersection_update(unfinished)
        # A signal of another program belongs to no operation.
        if delivery.role in ("success", "failure") or delivery.spec.name not in CATALOGUE:
            self._ended.add(current)
        return min(len(unfinished) - 1, _DEPTH_LIMIT)

    def _header(self, delivery: Delivery, depth: int) -> TraceLine:
        again = delivery.seq > 1
        name = self._encodable(safe(delivery.operation))
        date = f" {local_time(timestamp(delivery.began))}" if self._dated else ""
        note = f" {safe(delivery.operation_id[:_ID_LENGTH])}{date}{' continued' if again else ''}"
        return TraceLine(depth, "again" if again else "head", [], [[(name, "operation"), (note, "note")]])

    def _signal(self, delivery: Delivery) -> list[Span]:
        spans: list[Span] = [[(delivery.spec.name, delivery.role)]]
        for argument in delivery.spec.arguments:
            value = delivery.arguments[argument.name]
            if value is not None and argument.name != "session":
                spans.append([(f"{argument.name}=", "name"), (self._encodable(as_text(value)), "value")])
        return spans

    def _encodable(self, text: str) -> str:
        if self.symbols is ASCII:
            text = text.replace(ELLIPSIS, ASCII.ellipsis)
        return text.encode(self._encoding, "backslashreplace").decode(self._encoding)


def _problems(delivery: Delivery) -> Iterator[str]:
    for failure in delivery.failures:
        receiver, exception = safe(failure.receiver), failure.exception
        if delivery.spec.can_veto and isinstance(exception, OperationRejected):
            yield f"receiver {receiver} refused: {reason_as_text(exception)}"
        else:
            yield f"receiver {receiver} failed: {exception_as_text(exception)}"
    for overrun in delivery.overruns:
        yield f"receiver {safe(overrun.receiver)} took {overrun.seconds:.1f} s, more than its time budget"


def plain_text(lines: Sequence[TraceLine]) -> str:
    """Return *lines* for a file or a pipe: never wrapped, so that they can be searched, and indented by depth."""
    return "".join(f"{_plain_line(line)}\n" for line in lines)


def _plain_line(line: TraceLine) -> str:
    indent = "  " * (line.depth + (1 if line.start == "rail" else 0))
    first, *rest = map(_plain_span, line.spans)
    if rest:
        first = first.ljust(NAME_WIDTH)
    return indent + _plain_span(line.lead) + "  ".join([first, *rest])


def _plain_span(span: Span) -> str:
    return "".join(text for text, _ in span)
