"""One signal on its way: what is sent, what its receivers are told, and what became of it."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from blinker import NamedSignal

from lback_cli.signals.catalogue import SignalSpec

Role = Literal["started", "progress", "success", "failure"]
"""What a signal means in the operation that sends it."""


class SignalSource(Protocol):
    """What a delivery has to know of the operation that sends a signal."""

    sender: Any

    @property
    def id(self) -> str:
        """What tells it from every other."""

    @property
    def seq(self) -> int:
        """The number of this signal in it, from 1."""

    @property
    def name(self) -> str:
        """The operation's documented name."""

    def signal_role(self, signal: NamedSignal) -> Role:
        """What *signal* means in this operation."""


@dataclass(frozen=True, slots=True)
class ReceiverFailure:
    """A receiver, by its dotted name, and the exception that it raised."""

    receiver: str
    exception: BaseException


@dataclass(frozen=True, slots=True)
class BudgetExceeded:
    """A receiver, by its dotted name, that took longer than its time budget: so many *seconds*."""

    receiver: str
    seconds: float


@dataclass(slots=True)
class Emission:
    """One documented signal as it is sent.

    *seq* counts the signals of one operation from 1; *time* is UTC, taken before the first receiver runs.
    """

    operation: str
    operation_id: str
    seq: int
    time: datetime
    spec: SignalSpec
    role: Role
    sender: Any
    arguments: Mapping[str, Any]


@dataclass(slots=True)
class Delivery(Emission):
    """One documented signal as it was sent, and what its receivers made of it.

    *receivers* counts those that ran, the failed ones included.
    """

    receivers: int
    failures: Sequence[ReceiverFailure]
    overruns: Sequence[BudgetExceeded] = ()


current: ContextVar[Emission | None] = ContextVar("lback_emission", default=None)


def current_emission() -> Emission | None:
    """For receivers: the signal that is being delivered, with the id of its operation. None outside of receivers."""
    return current.get()
