"""Signals whose receivers run in the order in which they were connected; blinker leaves the order undefined."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from blinker import ANY, NamedSignal

F = TypeVar("F", bound=Callable[..., Any])


class ReceiverConnection(NamedTuple):
    """A receiver and the signal that it is connected to."""

    signal: NamedSignal
    receiver: Callable[..., Any]


_connections: ContextVar[list[ReceiverConnection] | None] = ContextVar("lback_connections", default=None)


class _OrderedSet(dict[Any, None]):
    """The methods of a set that blinker uses, with the order of insertion."""

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)


class OrderedSignal(NamedSignal):
    """A blinker signal that runs its receivers in the order in which they were connected.

    Receivers of any sender run before receivers of one sender.
    """

    set_class = _OrderedSet  # type: ignore[assignment]  # blinker's documented hook is typed as a complete set

    def connect(self, receiver: F, sender: Any = ANY, weak: bool = True) -> F:
        """Connect *receiver* as blinker does; inside `strong_references`, with a strong reference."""
        connections = _connections.get()
        if connections is not None:
            weak = False
            connections.append(ReceiverConnection(self, receiver))
        return super().connect(receiver, sender, weak)


@contextlib.contextmanager
def strong_references() -> Iterator[list[ReceiverConnection]]:
    """Connect receivers with strong references inside the block, in this thread or task, and list the connections.

    Blinker holds receivers weakly, so a lambda, a closure or a method would be dropped at once.
    """
    connections: list[ReceiverConnection] = []
    token = _connections.set(connections)
    try:
        yield connections
    finally:
        _connections.reset(token)


def receiver(*signals: NamedSignal, sender: Any = ANY) -> Callable[[F], F]:
    """Connect the decorated function to *signals* permanently, with a strong reference.

    Args:
        signals: The signals to receive.
        sender: The `UserManager` whose signals are received; by default every one.

    Raises:
        TypeError: There are no *signals*, or one of them is not a signal.
    """
    if not signals or not all(isinstance(signal, NamedSignal) for signal in signals):
        raise TypeError("receiver() takes one or more signals: @receiver(user_registered)")

    def connect(function: F) -> F:
        for signal in signals:
            signal.connect(function, sender, weak=False)
        return function

    return connect
