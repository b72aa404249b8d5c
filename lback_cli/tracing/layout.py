"""The trace for people, before any colour: which lines there are, and what each part of a line is.

register_user 1f3c9a0b
  +0.112s ▸ user_registration_started  username=Alice  email=Alice@Example.org
  +0.187s ✓ user_registered            user=alice (id 1)  session=Session
            2 receivers
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from lback_cli.signals import CATALOGUE, Delivery
from lback_cli.signals.emission import Role
from lback_cli.text.escaping import ELLIPSIS, safe
from lback_cli.tracing.values import as_text, exception_as_text

Style = Literal[Role, "operation", "time", "name", "value", "note", "trouble"]
"""What a part of a line is, which decides its colour."""

Span = Sequence[tuple[str, Style]]
"""Parts that belong on one line if they can."""

NAME_WIDTH = max(map(len, CATALOGUE))
"""Columns of the longest name of a signal."""

_ID_LENGTH = 8
_TIME_WIDTH = 8
# An operation whose last signal is muted never ends here; the following ones must not drift off to the right.
_DEPTH_LIMIT = 6


@dataclass(frozen=True, slots=True)
class Symbols:
    """The characters that draw a trace. The first four tell the roles apart without colour, *trouble* a receiver's."""

    started: str
    progress: str
    success: str
    failure: str
    trouble: str
    head: str
    again: str
    rail: str
    end: str
    ellipsis: str

    def of(self, role: Role) -> str:
        """The symbol of a signal with that *role*."""
        return {
            "started": self.started,
            "progress": self.progress,
            "success": self.success,
            "failure": self.failure,
        }[role]


UNICODE = Symbols("▸", "•", "✓", "✗", "!", "╭", "├", "│", "╰", ELLIPSIS)
ASCII = Symbols(">", "-", "+", "x", "!", "+", "+", "|", "`", "...")


def symbols_for(encoding: str) -> Symbols:
    """The nicest symbols that *encoding* has."""
    try:
        "".join(getattr(UNICODE, name) for name in UNICODE.__slots__).encode(encoding)
    except UnicodeEncodeError:
        return ASCII
    return UNICODE


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line, at *depth* operations deep: what starts it, *lead* and then *words*, under which it may be wrapped."""

    depth: int
    start: Literal["head", "again", "rail"]
    lead: Span
    words: Sequence[Span]


class Layout:
    """Turns deliveries into lines, and keeps track of which operation runs within which.

    An operation is within another when it begins while the other has no outcome yet.
    """

    def __init__(self, encoding: str) -> None:
        self.symbols = symbols_for(encoding)
        self._encoding = encoding
        self._open: list[str] = []
        self._settled: set[str] = set()
        self._last = ""

    def lines(self, delivery: Delivery, elapsed: float) -> list[TraceLine]:
        """The lines for *delivery*, which was sent *elapsed* seconds after the start."""
        depth = self._enter(delivery)
        lines = [] if delivery.operation_id == self._last else [self._header(delivery, depth)]
        self._last = delivery.operation_id
        time = f"{f'+{elapsed:.3f}s':>{_TIME_WIDTH}} "
        blank = " " * len(time)
        lead: Span = [(time, "time"), (f"{self.symbols.of(delivery.role)} ", delivery.role)]
        lines.append(TraceLine(depth, "rail", lead, self._signal(delivery)))
        if delivery.receivers:
            count = "1 receiver" if delivery.receivers == 1 else f"{delivery.receivers} receivers"
            lines.append(TraceLine(depth, "rail", [(f"{blank}  ", "note")], [[(count, "note")]]))
        for text in _troubles(delivery):
            lead = [(f"{blank}{self.symbols.trouble} ", "trouble")]
            lines.append(TraceLine(depth, "rail", lead, [[(self._encodable(text), "trouble")]]))
        return lines

    def _enter(self, delivery: Delivery) -> int:
        """Make the operation of *delivery* the innermost one, and return how many are around it."""
        current, still_open = delivery.operation_id, self._open
        if current in still_open:
            del still_open[still_open.index(current) + 1 :]
        else:
            while still_open and still_open[-1] in self._settled:
                still_open.pop()
            still_open.append(current)
        self._settled.intersection_update(still_open)
        if delivery.role in ("success", "failure"):
            self._settled.add(current)
        return min(len(still_open) - 1, _DEPTH_LIMIT)

    def _header(self, delivery: Delivery, depth: int) -> TraceLine:
        again = delivery.seq > 1
        name = self._encodable(safe(delivery.operation))
        note = f" {safe(delivery.operation_id[:_ID_LENGTH])}{' continued' if again else ''}"
        return TraceLine(depth, "again" if again else "head", [], [[(name, "operation"), (note, "note")]])

    def _signal(self, delivery: Delivery) -> list[Span]:
        words: list[Span] = [[(delivery.spec.name, delivery.role)]]
        for argument in delivery.spec.arguments:
            value = delivery.arguments[argument.name]
            look: Style = "note" if value is None else "value"
            words.append([(f"{argument.name}=", "name"), (self._encodable(as_text(value)), look)])
        return words

    def _encodable(self, text: str) -> str:
        if self.symbols is ASCII:
            text = text.replace(ELLIPSIS, ASCII.ellipsis)
        return text.encode(self._encoding, "backslashreplace").decode(self._encoding)


def _troubles(delivery: Delivery) -> Iterator[str]:
    for failure in delivery.failures:
        yield f"receiver {safe(failure.receiver)} failed: {exception_as_text(failure.exception)}"
    for overrun in delivery.overruns:
        yield f"receiver {safe(overrun.receiver)} took {overrun.seconds:.1f} s, more than its time budget"
