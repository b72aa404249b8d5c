"""Records which signals were sent, and the results of their receivers."""

from collections.abc import Mapping
from typing import Any

from lback_cli.signals import Delivery, ReceiverFailure, find_signal
from lback_cli.signals.observer import SignalObserver


class SignalRecorder(SignalObserver):
    """Records the signals of *sender*, or of every sender if it is None.

    It records while it is connected: between `connect` and `disconnect`, or as a context manager.
    """

    def __init__(self, sender: Any = None) -> None:
        self.deliveries: list[Delivery] = []
        self._sender = sender

    def clear(self) -> None:
        """Delete the record."""
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
        """Return the arguments of the last signal called *name*.

        Raises:
            AssertionError: No such signal was sent.
            SignalNotFound: There is no such signal.
        """
        spec = find_signal(name)
        for delivery in reversed(self.deliveries):
            if delivery.spec is spec:
                return delivery.arguments
        raise AssertionError(f"{name} was not sent, only {', '.join(self.names) or 'nothing'}")

    def _receive(self, sender: Any, /, delivery: Delivery, **_extra: Any) -> None:
        if self._sender is None or sender is self._sender:
            self.deliveries.append(delivery)
