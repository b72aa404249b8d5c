"""A signal while it is sent, and the results of its receivers."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from blinker import NamedSignal

from lback_cli.signals.catalogue import SignalSpec

Role = Literal["started", "progress", "success", "failure"]
"""The role of a signal in the operation that sends it."""


class SignalSource(Protocol):
    """What sending a signal needs to know of the operation."""

    sender: Any

    @property
    def id(self) -> str:
        """The unique id of the operation."""

    @property
    def seq(self) -> int:
        """The number of the current signal within the operation, from 1."""

    @property
    def name(self) -> str:
        """The documented name of the operation."""

    @property
    def began(self) -> datetime:
        """When the operation began."""

    def signal_role(self, signal: NamedSignal) -> Role:
        """Return the role of *signal* in this operation."""

    def changes(self, signal: NamedSignal) -> Mapping[str, Any] | None:
        """What the operation has changed so far, if *signal* is its success."""

    def misuse(self) -> str | None:
        """Return what the receivers did to the session although they must not, as a verb phrase, or None."""


@dataclass(frozen=True, slots=True)
class ReceiverFailure:
    """The dotted name of a receiver, and the exception that it raised."""

    receiver: str
    exception: BaseException


@dataclass(frozen=True, slots=True)
class BudgetExceeded:
    """The dotted name of a receiver that exceeded its time budget, and the *seconds* that it took."""

    receiver: str
    seconds: float


@dataclass(slots=True)
class Emission:
    """A signal that is being sent.

    *seq* counts the signals of one operation from 1. *time* is in UTC, before the first receiver runs. *began* is when
    the operation began.
    """

    operation: str
    operation_id: str
    seq: int
    time: datetime
    spec: SignalSpec
    role: Role
    sender: Any
    arguments: Mapping[str, Any]
    began: datetime = field(kw_only=True)
    compute_changes: Callable[[], Mapping[str, Any] | None] = field(default=lambda: None, kw_only=True, repr=False)

    @property
    def changes(self) -> Mapping[str, Any] | None:
        """What the operation has changed so far, if this is its success signal. It is computed when it is read."""
        return self.compute_changes()


@dataclass(slots=True)
class Delivery(Emission):
    """A signal that was sent, with the results of its receivers.

    *receivers* is the number of receivers that ran, failed ones included.
    """

    receivers: int
    failures: Sequence[ReceiverFailure]
    overruns: Sequence[BudgetExceeded] = ()


current: ContextVar[Emission | None] = ContextVar("lback_emission", default=None)


def current_emission() -> Emission | None:
    """Return the signal whose receiver is running, with the id of its operation; None outside a receiver."""
    return current.get()
