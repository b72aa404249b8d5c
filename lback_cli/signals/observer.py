"""The base class of observers, which receive every signal together with the results of its receivers."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self

from lback_cli.signals.dispatch import delivered
from lback_cli.signals.emission import Delivery


class SignalObserver(ABC):
    """Receives each delivery while it is connected: by `connect`, or as a context manager."""

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.disconnect()

    def connect(self) -> None:
        """Start to observe. The signal `delivered` holds a reference to the observer until `disconnect`."""
        delivered.connect(self._receive, weak=False)

    def disconnect(self) -> None:
        """Stop observing."""
        delivered.disconnect(self._receive)

    @abstractmethod
    def _receive(self, sender: Any, /, delivery: Delivery, **_extra: Any) -> None:
        """Process *delivery*."""
