"""Hearing of every documented signal and of what its receivers made of it."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

from lback_cli.signals.dispatch import delivered
from lback_cli.signals.emission import Delivery


class SignalObserver(ABC):
    """Is told of each delivery while it is connected, as a context manager or by `connect`."""

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.disconnect()

    def connect(self) -> None:
        """Begin; `delivered` keeps this watcher alive until `disconnect`."""
        delivered.connect(self._receive, weak=False)

    def disconnect(self) -> None:
        """Be told no more."""
        delivered.disconnect(self._receive)

    @abstractmethod
    def _receive(self, sender: Any, /, delivery: Delivery, **_extra: Any) -> None:
        """Take note of *delivery*."""
