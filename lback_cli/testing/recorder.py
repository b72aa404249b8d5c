"""Which signals were sent, and what their receivers made of them."""

from collections.abc import Mapping
from typing import Any

from lback_cli.signals import Delivery, ReceiverFailure, find_signal
from lback_cli.signals.observer import SignalObserver


class SignalRecorder(SignalObserver):
    """Keeps what is sent while it is connected, as a context manager or by `connect`; from *sender*, or from all."""

    def __init__(self, sender: Any = None) -> None:
        self.deliveries: list[Delivery] = []
        self._sender = sender

    def clear(self) -> None:
        """Forget what was recorded."""
        self.deliveries.clear()

    @property
    def names(self) -> list[str]:
        """The names of the signals, in the order in which they were sent."""
        return [delivery.spec.name for delivery in self.deliveries]

    @property
    def failures(self) -> list[ReceiverFailure]:
        """The receivers that raised, a veto included, each with its exception."""
        return [failure for delivery in self.deliveries for failure in delivery.failures]

    def arguments(self, name: str) -> Mapping[str, Any]:
        """What the last signal called *name* carried.

        Raises AssertionError when none was sent, and `SignalNotFound` when there is no such signal.
        """
        spec = find_signal(name)
        for delivery in reversed(self.deliveries):
            if delivery.spec is spec:
                return delivery.arguments
        raise AssertionError(f"{name} was not sent, only {', '.join(self.names) or 'nothing'}")

    def _receive(self, sender: Any, /, delivery: Delivery, **_extra: Any) -> None:
        if self._sender is None or sender is self._sender:
            self.deliveries.append(delivery)
