"""How a signal reaches its receivers: each on its own, so that none can silence another."""

import contextlib
from collections import Counter
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from blinker import NamedSignal, Signal

from lback_cli.errors import LbackError, OperationRejected, UnexpectedError
from lback_cli.security.text import safe
from lback_cli.signals.catalogue import CATALOGUE, SignalSpec
from lback_cli.times import utc_now

delivered = Signal("Sent after the receivers of a documented signal ran, with what became of it: `delivery`.")

Role = Literal["started", "progress", "success", "failure"]
"""What a signal means in the operation that sends it."""


class Sending(Protocol):
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

    def role(self, signal: NamedSignal) -> Role:
        """What *signal* means in this operation."""


@dataclass(frozen=True, slots=True)
class ReceiverFailure:
    """A receiver, by its dotted name, and the exception that it raised."""

    receiver: str
    exception: BaseException


@dataclass(frozen=True, slots=True)
class Delivery:
    """One documented signal as it was sent, and what its receivers made of it.

    *seq* counts the signals of one operation from 1; *time* is UTC, taken before the first receiver ran; *receivers*
    counts those that ran, the failed ones included.
    """

    operation: str
    operation_id: str
    seq: int
    time: datetime
    spec: SignalSpec
    role: Role
    sender: Any
    arguments: Mapping[str, Any]
    receivers: int
    failures: Sequence[ReceiverFailure]


_rehearsed: ContextVar[Counter[str] | None] = ContextVar("lback_rehearsed", default=None)


@contextlib.contextmanager
def rehearsal() -> Iterator[Counter[str]]:
    """Count the signals sent in the block by name, instead of delivering them, in this thread or task.

    Receivers reach beyond the database, so what is going to be rolled back must not run them.
    """
    counter: Counter[str] = Counter()
    token = _rehearsed.set(counter)
    try:
        yield counter
    finally:
        _rehearsed.reset(token)


def rehearsed() -> Counter[str] | None:
    """Where signals are counted in a `rehearsal`; None outside of one."""
    return _rehearsed.get()


def deliver(operation: Sending, signal: NamedSignal, arguments: Mapping[str, Any]) -> None:
    """Run every receiver of *signal*, then tell `delivered`.

    Blinker's own ``send`` stops at the first exception, in an order that is not defined, so one bad receiver could
    keep a good one from running. Here all run, and then a failure has the effect that its kind demands:

    - `OperationRejected` is raised on, as the veto it is;
    - another exception of a receiver that was handed the session is raised on as `UnexpectedError`, since what it
      wrote may be half done;
    - any other is logged, and that is all.

    What ends the process, such as `KeyboardInterrupt`, is raised at once, without running the remaining receivers.
    A failure signal reports what is settled, so nothing its receivers raise goes further than the log.
    """
    if (counter := _rehearsed.get()) is not None:
        counter[signal.name] += 1
        return
    if (not signal.receivers and not delivered.receivers) or signal.is_muted:
        return
    spec = CATALOGUE[signal.name]
    if arguments.keys() != spec.argument_names:
        raise TypeError(f"{signal.name} is documented with {sorted(spec.argument_names)}, not {sorted(arguments)}")
    time = utc_now()
    receivers = list(signal.receivers_for(operation.sender))
    failures: list[ReceiverFailure] = []
    interruption: BaseException | None = None
    ran = 0
    changeable = any(isinstance(value, dict | list) for value in arguments.values())
    for receiver in receivers:
        ran += 1
        try:
            result = receiver(operation.sender, **(_own(arguments) if changeable else arguments))
            if isinstance(result, Coroutine):
                result.close()
                raise TypeError("an asynchronous receiver cannot be awaited here")  # noqa: TRY301 - one way to fail
        except Exception as error:  # noqa: BLE001 - a receiver is foreign code
            failures.append(ReceiverFailure(_dotted_name(receiver), error))
        except BaseException as error:  # noqa: BLE001 - raised below, once those who watch know that the signal was sent
            failures.append(ReceiverFailure(_dotted_name(receiver), error))
            interruption = error
            break
    delivery = Delivery(
        operation=operation.name,
        operation_id=operation.id,
        seq=operation.seq,
        time=time,
        spec=spec,
        role=operation.role(signal),
        sender=operation.sender,
        arguments=arguments,
        receivers=ran,
        failures=failures,
    )
    _tell_watchers(delivery)
    if interruption is not None:
        raise interruption
    if failures:
        _settle(spec, failures)


def _tell_watchers(delivery: Delivery) -> None:
    for watcher in list(delivered.receivers_for(delivery.sender)):
        try:
            watcher(delivery.sender, delivery=delivery)
        except Exception as error:  # noqa: BLE001 - who only watches must not disturb
            _log("delivered", ReceiverFailure(_dotted_name(watcher), error))


def _own(value: Any) -> Any:
    """A receiver may change a dict or list that it was given: nobody else sees that, the operation least of all."""
    if isinstance(value, Mapping):
        return {key: _own(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, list) else value


def _settle(spec: SignalSpec, failures: Sequence[ReceiverFailure]) -> None:
    """Raise what stops the operation, a veto before a crash, and log the rest."""
    fatal: list[LbackError] = []
    for failure in failures:
        error = failure.exception
        if spec.phase != "failure" and isinstance(error, OperationRejected):
            fatal.insert(0, error)
        elif spec.carries_session:
            fatal.append(_crash(spec, failure))
        else:
            _log(spec.name, failure)
    if fatal:
        raise fatal[0]


def _crash(spec: SignalSpec, failure: ReceiverFailure) -> UnexpectedError:
    error = failure.exception
    crash = UnexpectedError(
        f"The receiver {failure.receiver} of {spec.name} failed: {type(error).__name__}: {error}",
        hint="Nothing was changed, as the receiver may have written half of its own work.",
    )
    crash.__cause__ = error
    return crash


def _log(signal: str, failure: ReceiverFailure) -> None:
    """Report a failure that does not stop the operation: on stderr, unless the application configured logging."""
    import logging

    error = failure.exception
    logging.getLogger("lback_cli.signals").error(
        "The receiver %s of %s failed: %s: %s", failure.receiver, signal, type(error).__name__, safe(error)
    )


def _dotted_name(receiver: Any) -> str:
    module = getattr(receiver, "__module__", type(receiver).__module__)
    name = getattr(receiver, "__qualname__", type(receiver).__qualname__)
    return f"{module}.{name}"
