"""The signal logger behind ``--trace-signals``: shows every signal as it is sent, and what its receivers did."""

import contextlib
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from lback_cli.errors import OperationRejected
from lback_cli.signals import Delivery
from lback_cli.signals.observer import SignalObserver
from lback_cli.text.terminal import wants_color

Format = Literal["rich", "json"]


class Trace(SignalObserver):
    """A receiver of `delivered` that writes each signal to *stream*, as soon as it was sent.

    The format ``rich`` is for people: in colour and wrapped on a terminal, plain lines elsewhere. ``json`` is one
    object a line. *color* None follows NO_COLOR, FORCE_COLOR and the stream. Times count from *started_at*, a value
    of `time.monotonic`, or from now. Tracing never disturbs what it traces: it loads nothing from the database, and
    when the stream fails it says so once in the log and stops.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        format: Format = "rich",  # noqa: A002 - the option is called so
        color: bool | None = None,
        started_at: float | None = None,
    ) -> None:
        self._stream = stream
        self._format = format
        self._color = color
        self._started_at = time.monotonic() if started_at is None else started_at
        self._write: Callable[[Delivery], object] | None = None

    def _receive(self, _sender: Any, /, delivery: Delivery, **_extra: Any) -> None:
        try:
            if self._write is None:
                self._write = self._writer()
            self._write(delivery)
            self._stream.flush()
        except Exception as error:  # noqa: BLE001 - raised on, it would fail the operation that is only watched
            self.disconnect()
            # Where stderr is closed, the log fails too.
            with contextlib.suppress(Exception):
                logging.getLogger("lback_cli.receivers").warning(
                    "The signal trace stops, as it cannot be written: %s: %s", type(error).__name__, error
                )

    def _writer(self) -> Callable[[Delivery], object]:
        """What writes a delivery; made with the first, so that only what is really used gets imported."""
        stream = self._stream
        if self._format == "json":
            from lback_cli.tracing.json_lines import json_line

            return lambda delivery: stream.write(json_line(delivery))
        from lback_cli.tracing.layout import Layout

        layout = Layout(stream.encoding or "utf-8")
        color = wants_color(stream) if self._color is None else self._color
        if not color and not stream.isatty():
            from lback_cli.tracing.plain import plain_text

            return lambda delivery: stream.write(plain_text(layout.lines(delivery, self._elapsed(delivery))))
        from lback_cli.tracing.terminal import TerminalWriter

        terminal = TerminalWriter(stream, layout.symbols, color=color)
        return lambda delivery: terminal.write(
            layout.lines(delivery, self._elapsed(delivery)), ended=_is_last(delivery)
        )

    def _elapsed(self, delivery: Delivery) -> float:
        """Seconds from the start until the signal was sent, which is before its receivers ran."""
        since_start = time.monotonic() - self._started_at
        since_sent = (datetime.now(UTC) - delivery.time).total_seconds()
        return since_start - min(max(since_sent, 0.0), since_start)


def _is_last(delivery: Delivery) -> bool:
    """Whether the operation ends here, unless the commit fails: a failure follows a success whose receiver stops it."""
    stopped = any(
        delivery.spec.carries_session or isinstance(failure.exception, OperationRejected)
        for failure in delivery.failures
    )
    return delivery.role == "failure" or (delivery.role == "success" and not stopped)
