"""Send signals to their receivers. Each receiver is called separately, so that its error does not stop the others."""

import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from time import perf_counter
from typing import Any

from blinker import NamedSignal

from lback_cli.errors import LbackError, OperationRejected, UnexpectedError
from lback_cli.signals.catalogue import CATALOGUE, SignalSpec
from lback_cli.signals.emission import BudgetExceeded, Delivery, Emission, ReceiverFailure, SignalSource, current
from lback_cli.signals.ordered import OrderedSignal
from lback_cli.signals.time_budget import TimeBudget
from lback_cli.text.escaping import safe
from lback_cli.text.times import utc_now


class SessionMisuseError(Exception):
    """A receiver ended the transaction of the operation, or tried to."""


delivered = OrderedSignal(
    "delivered", "Sent after the receivers of a documented signal ran, with the results: `delivery`."
)

_suppressed: ContextVar[Counter[str] | None] = ContextVar("lback_suppressed", default=None)


@contextlib.contextmanager
def suppress_signals() -> Iterator[Counter[str]]:
    """Count the signals of the block by name instead of sending them, in this thread or task.

    A dry run uses this, because it can roll back its transaction, but not what receivers do elsewhere.
    """
    counter: Counter[str] = Counter()
    token = _suppressed.set(counter)
    try:
        yield counter
    finally:
        _suppressed.reset(token)


def suppressed_signals() -> Counter[str] | None:
    """Return the counts of the current `suppress_signals` block; None outside a block."""
    return _suppressed.get()


_budget: TimeBudget | None = None


def set_time_budget(seconds: float | None) -> None:
    """Log a warning for each receiver in this process that takes more than *seconds*; None disables the warning."""
    global _budget  # noqa: PLW0603 - there is one for the process, as there is one of each signal
    if _budget is not None:
        _budget.stop()
    _budget = None if seconds is None else TimeBudget(seconds, _warn, receiver_name)
    if _budget is not None:
        _budget.start()


def deliver(operation: SignalSource, signal: NamedSignal, arguments: Mapping[str, Any]) -> None:
    """Run every receiver of *signal* in the order of connection, then send `delivered`.

    Blinker's own ``send`` stops at the first exception. Here all receivers run, and their exceptions are handled after
    that. Exceptions at a failure signal are only logged, since the operation has already ended. At other signals:

    - The first `OperationRejected` is a veto, and raised.
    - Any other exception is raised as `UnexpectedError` if the receiver was passed the session, because its changes may
      be incomplete; otherwise it is logged.

    An exception that ends the process, such as `KeyboardInterrupt`, is raised without running the other receivers.
    """
    if (counter := _suppressed.get()) is not None:
        counter[signal.name] += 1
        return
    if (not signal.receivers and not delivered.receivers) or signal.is_muted:
        return
    spec = CATALOGUE[signal.name]
    if arguments.keys() != spec.argument_names:
        raise TypeError(f"{signal.name} is documented with {sorted(spec.argument_names)}, not {sorted(arguments)}")
    sender = operation.sender
    role = operation.signal_role(signal)
    emission = Emission(
        *(operation.name, operation.id, operation.seq, utc_now(), spec, role, sender, arguments),
        began=operation.began,
        compute_changes=partial(operation.changes, signal),
    )
    token = current.set(emission)
    try:
        ran, failures, overruns, interruption = _run(list(signal.receivers_for(sender)), emission, operation.misuse)
    finally:
        current.reset(token)
    if delivered.receivers:
        notify_observers(_delivery(emission, ran, failures, overruns))
    if interruption is not None:
        raise interruption
    if failures:
        _raise_fatal_failures(spec, failures)


def _run(  # noqa: C901 - a function call for each receiver would show in the time that a signal takes
    receivers: Sequence[Callable[..., Any]], emission: Emission, misuse: Callable[[], str | None]
) -> tuple[int, Sequence[ReceiverFailure], Sequence[BudgetExceeded], BaseException | None]:
    """Run *receivers*; return how many ran, which failed, which were slow, and an exception that ends the process."""
    sender, arguments, changeable = emission.sender, emission.arguments, emission.spec.carries_containers
    failures: list[ReceiverFailure] = []
    overruns: list[BudgetExceeded] = []
    interruption: BaseException | None = None
    ran = 0
    budget, signal = _budget, emission.spec.name
    if budget is not None:
        running, started = budget.running(), perf_counter()
        running.append((_run, signal, started))
    for receiver in receivers:
        ran += 1
        if budget is not None:
            running[-1] = (receiver, signal, started)
        try:
            result = receiver(sender, **(_copy_containers(arguments) if changeable else arguments))
            if result is not None and isinstance(result, Coroutine):
                result.close()
                raise TypeError("an asynchronous receiver cannot be awaited")  # noqa: TRY301 - one way to fail
        except Exception as error:  # noqa: BLE001 - a receiver is foreign code
            failures.append(ReceiverFailure(receiver_name(receiver), error))
        except BaseException as error:  # noqa: BLE001 - raised by `deliver`, after the observers were notified
            failures.append(ReceiverFailure(receiver_name(receiver), error))
            interruption = error
        if budget is not None:
            seconds, started = perf_counter() - started, perf_counter()
            if seconds > budget.seconds and budget.report_overrun(receiver, signal, seconds):
                overruns.append(BudgetExceeded(receiver_name(receiver), seconds))
        if interruption is None and (done := misuse()) is not None:
            failures.append(ReceiverFailure(receiver_name(receiver), SessionMisuseError(done)))
            break
        if interruption is not None:
            break
    if budget is not None:
        running.pop()
    return ran, failures, overruns, interruption


def _delivery(
    emission: Emission, ran: int, failures: Sequence[ReceiverFailure], overruns: Sequence[BudgetExceeded]
) -> Delivery:
    return Delivery(
        emission.operation,
        emission.operation_id,
        emission.seq,
        emission.time,
        emission.spec,
        emission.role,
        emission.sender,
        emission.arguments,
        ran,
        failures,
        overruns,
        began=emission.began,
        compute_changes=emission.compute_changes,
    )


def notify_observers(delivery: Delivery) -> None:
    """Call every observer with *delivery*; what one raises is logged."""
    for observer in list(delivered.receivers_for(delivery.sender)):
        try:
            observer(delivery.sender, delivery=delivery)
        except Exception as error:  # noqa: BLE001 - an observer must not affect the operation
            _log("delivered", ReceiverFailure(receiver_name(observer), error))


def _copy_containers(value: Any) -> Any:
    """Copy dicts and lists, so that a receiver's changes reach neither the operation nor other receivers."""
    if isinstance(value, Mapping):
        return {key: _copy_containers(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, list) else value


def _raise_fatal_failures(spec: SignalSpec, failures: Sequence[ReceiverFailure]) -> None:
    """Raise the failure that stops the operation: the first veto, or else the first error. Log the others."""
    vetoes: list[LbackError] = []
    errors: list[LbackError] = []
    for failure in failures:
        if isinstance(failure.exception, SessionMisuseError):
            raise _misused(spec, failure)
        if spec.can_veto and isinstance(failure.exception, OperationRejected):
            veto = failure.exception
            if failure.receiver not in str(veto):
                veto.hint = veto.hint or f"The receiver {failure.receiver} of {spec.name} refused it."
            vetoes.append(veto)
        elif spec.carries_session:
            errors.append(_as_error(spec, failure))
        else:
            _log(spec.name, failure)
    for fatal in (*vetoes, *errors):
        raise fatal


def _as_error(spec: SignalSpec, failure: ReceiverFailure) -> UnexpectedError:
    cause = failure.exception
    error = UnexpectedError(
        f"The receiver {failure.receiver} of {spec.name} failed: {type(cause).__name__}: {cause}",
        hint="Nothing was changed, because the receiver's own changes may be incomplete.",
    )
    error.__cause__ = cause
    return error


def _misused(spec: SignalSpec, failure: ReceiverFailure) -> UnexpectedError:
    error = UnexpectedError(
        f"The receiver {failure.receiver} of {spec.name} {failure.exception}.",
        hint="A receiver writes into the session; the operation commits it. Nothing was changed.",
    )
    error.__cause__ = failure.exception
    return error


def _log(signal: str, failure: ReceiverFailure) -> None:
    """Log a failure that does not stop the operation; without a logging configuration it is written to stderr."""
    import logging

    error = failure.exception
    logging.getLogger("lback_cli.signals").error(
        "The receiver %s of %s failed: %s: %s", failure.receiver, signal, type(error).__name__, safe(error)
    )


def _warn(text: str) -> None:
    import logging

    logging.getLogger("lback_cli.signals").warning("%s", safe(text))


def receiver_name(receiver: Any) -> str:
    """Return the name of *receiver* in messages: its ``receiver_name`` if it has one, else its dotted name."""
    if (own := getattr(receiver, "receiver_name", None)) is not None:
        return str(own)
    module = getattr(receiver, "__module__", type(receiver).__module__)
    name = getattr(receiver, "__qualname__", type(receiver).__qualname__)
    return f"{module}.{name}"
