"""Signals whose receivers run in the order in which they were connected; blinker itself leaves that undefined."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple, TypeVar

from blinker import ANY, NamedSignal

F = TypeVar("F", bound=Callable[..., Any])


class ReceiverConnection(NamedTuple):
    """A receiver and the signal that it was connected to."""

    signal: NamedSignal
    receiver: Callable[..., Any]


_held: ContextVar[list[ReceiverConnection] | None] = ContextVar("lback_held", default=None)


class _OrderedSet(dict[Any, None]):
    """As much of a set as blinker uses; unlike a set it remembers what came first."""

    def add(self, item: Any) -> None:
        self[item] = None

    def discard(self, item: Any) -> None:
        self.pop(item, None)


class OrderedSignal(NamedSignal):
    """A blinker signal that runs its receivers in the order in which they were connected.

    Those connected to any sender come before those connected to one.
    """

    set_class = _OrderedSet  # type: ignore[assignment]  # blinker's documented hook; its type asks for all of a set

    def connect(self, receiver: F, sender: Any = ANY, weak: bool = True) -> F:
        """Connect *receiver* as blinker does; within `strong_references`, by a strong reference."""
        held = _held.get()
        if held is not None:
            weak = False
            held.append(ReceiverConnection(self, receiver))
        return super().connect(receiver, sender, weak)


@contextlib.contextmanager
def strong_references() -> Iterator[list[ReceiverConnection]]:
    """Hold what is connected in the block by strong references, in this thread or task, and list it.

    Blinker holds receivers weakly, so a lambda, a closure or a method would be gone at once.
    """
    held: list[ReceiverConnection] = []
    token = _held.set(held)
    try:
        yield held
    finally:
        _held.reset(token)


def receiver(*signals: NamedSignal, sender: Any = ANY) -> Callable[[F], F]:
    """Connect the decorated function to *signals* for good: unlike blinker's own way, by a strong reference.

    Only signals of *sender*, a `UserManager`, reach it, or those of all. Raises TypeError for what is no signal.
    """
    if not signals or not all(isinstance(signal, NamedSignal) for signal in signals):
        raise TypeError("receiver() takes the signals to listen to: @receiver(user_registered)")

    def connect(function: F) -> F:
        for signal in signals:
            signal.connect(function, sender, weak=False)
        return function

    return connect
