"""How a signal reaches its receivers: each on its own, so that none can silence another."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from blinker import NamedSignal, Signal

from lback_cli.errors import OperationRejected, UnexpectedError
from lback_cli.signals.catalogue import CATALOGUE, SignalSpec

delivered = Signal("Sent after the receivers of a documented signal ran, with what became of it: `delivery`.")


@dataclass(frozen=True, slots=True)
class ReceiverFailure:
    """A receiver, by its dotted name, and the exception that it raised."""

    receiver: str
    exception: Exception


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
    sender: Any
    arguments: Mapping[str, Any]
    receivers: int = 0
    failures: list[ReceiverFailure] = field(default_factory=list)


def deliver(
    signal: NamedSignal, sender: Any, arguments: dict[str, Any], *, operation: str, operation_id: str, seq: int
) -> None:
    """Run every receiver of *signal*, then tell `delivered`.

    Blinker's own ``send`` stops at the first exception, in an order that is not defined, so one bad receiver could
    keep a good one from running. Here all run, and then a failure has the effect that its kind demands:

    - `OperationRejected` is raised on, as the veto it is;
    - another exception of a receiver that was handed the session is raised on as `UnexpectedError`, since what it
      wrote may be half done;
    - any other is logged, and that is all.

    A failure signal reports what is settled, so nothing its receivers raise goes further than the log.
    """
    if (not signal.receivers and not delivered.receivers) or signal.is_muted:
        return
    spec = CATALOGUE[signal.name]
    if arguments.keys() != spec.argument_names:
        raise TypeError(f"{signal.name} is documented with {sorted(spec.argument_names)}, not {sorted(arguments)}")
    time = datetime.now(UTC)
    ran = 0
    failures: list[ReceiverFailure] = []
    for receiver in list(signal.receivers_for(sender)):
        ran += 1
        try:
            result = receiver(sender, **arguments)
            if isinstance(result, Coroutine):
                result.close()
                raise TypeError("an asynchronous receiver cannot be awaited here")  # noqa: TRY301 - one way to fail
        except Exception as error:  # noqa: BLE001 - a receiver is foreign code
            failures.append(ReceiverFailure(_dotted_name(receiver), error))
    delivered.send(
        sender, delivery=Delivery(operation, operation_id, seq, time, spec, sender, arguments, ran, failures)
    )
    if failures:
        _settle(spec, failures)


def _settle(spec: SignalSpec, failures: list[ReceiverFailure]) -> None:
    fatal: Exception | None = None
    for failure in failures:
        error = failure.exception
        if spec.phase != "failure" and isinstance(error, OperationRejected):
            fatal = error
            break
        if spec.carries_session and fatal is None:
            fatal = UnexpectedError(
                f"The receiver {failure.receiver} of {spec.name} failed: {type(error).__name__}: {error}",
                hint="Nothing was changed, as the receiver may have written half of its own work.",
            )
            fatal.__cause__ = error
        else:
            _log(spec, failure)
    if fatal is not None:
        raise fatal


def _log(spec: SignalSpec, failure: ReceiverFailure) -> None:
    """Report a failure that does not stop the operation: on stderr, unless the application configured logging."""
    import logging

    error = failure.exception
    logging.getLogger("lback_cli.signals").error(
        "The receiver %s of %s failed: %s: %s", failure.receiver, spec.name, type(error).__name__, error, exc_info=error
    )


def _dotted_name(receiver: Any) -> str:
    module = getattr(receiver, "__module__", type(receiver).__module__)
    name = getattr(receiver, "__qualname__", type(receiver).__qualname__)
    return f"{module}.{name}"
