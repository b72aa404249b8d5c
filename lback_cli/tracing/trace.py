"""The observer behind ``--trace-signals``: it writes each signal and the results of its receivers."""

import contextlib
import logging
from collections.abc import Callable
from typing import Any, Literal, TextIO

from lback_cli.errors import OperationRejected
from lback_cli.signals import Delivery
from lback_cli.signals.observer import SignalObserver
from lback_cli.text.terminal import wants_color

Format = Literal["rich", "json"]


class Trace(SignalObserver):
    """An observer that writes each signal to *stream* as soon as it is sent.

    A trace never affects the operation: it loads nothing from the database, and if the stream fails it logs one warning
    and stops.

    Args:
        stream: The text stream to write to.
        format: ``rich`` for people: in colour and wrapped on a terminal, plain lines elsewhere. ``json`` for programs:
            one object on each line.
        color: Whether to use colour; None follows NO_COLOR, FORCE_COLOR and the stream.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        format: Format = "rich",  # noqa: A002 - the name of the option
        color: bool | None = None,
    ) -> None:
        self._stream = stream
        self._format = format
        self._color = color
        self._write: Callable[[Delivery], object] | None = None

    def _receive(self, _sender: Any, /, delivery: Delivery, **_extra: Any) -> None:
        try:
            if self._write is None:
                self._write = self._writer()
            self._write(delivery)
            self._stream.flush()
        except Exception as error:  # noqa: BLE001 - the operation must not fail because its trace does
            self.disconnect()
            # If stderr is closed, logging fails too.
            with contextlib.suppress(Exception):
                logging.getLogger("lback_cli.receivers").warning(
                    "The signal trace stops because it cannot be written: %s: %s", type(error).__name__, error
                )

    def _writer(self) -> Callable[[Delivery], object]:
        """Return a function that writes a delivery. It is made for the first one, to import only what is used."""
        stream = self._stream
        if self._format == "json":
            from lback_cli.tracing.json_lines import json_line

            return lambda delivery: stream.write(json_line(delivery))
        from lback_cli.tracing.layout import Layout, plain_text

        layout = Layout(stream.encoding or "utf-8", dated=not stream.isatty())
        color = wants_color(stream) if self._color is None else self._color
        if not color and not stream.isatty():
            return lambda delivery: stream.write(plain_text(layout.lines(delivery)))
        from lback_cli.tracing.terminal import TerminalWriter

        terminal = TerminalWriter(stream, layout.symbols, color=color)
        return lambda delivery: terminal.write(layout.lines(delivery), ended=_is_last(delivery))


def _is_last(delivery: Delivery) -> bool:
    """Return whether *delivery* ends its operation, unless the commit fails.

    If a receiver of a success signal stops the operation, a failure signal follows, which ends it.
    """
    stopped = any(
        delivery.spec.carries_session or isinstance(failure.exception, OperationRejected)
        for failure in delivery.failures
    )
    return delivery.role == "failure" or (delivery.role == "success" and not stopped)
