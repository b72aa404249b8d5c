"""How a signal reaches its receivers: each on its own, so that none can silence another."""

import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
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

delivered = OrderedSignal(
    "delivered", "Sent after the receivers of a documented signal ran, with what became of it: `delivery`."
)

_rehearsed: ContextVar[Counter[str] | None] = ContextVar("lback_rehearsed", default=None)


@contextlib.contextmanager
def suppress_signals() -> Iterator[Counter[str]]:
    """Count the signals sent in the block by name, instead of delivering them, in this thread or task.

    Receivers reach beyond the database, so what is going to be rolled back must not run them.
    """
    counter: Counter[str] = Counter()
    token = _rehearsed.set(counter)
    try:
        yield counter
    finally:
        _rehearsed.reset(token)


def suppressed_signals() -> Counter[str] | None:
    """Where signals are counted in a `suppress_signals`; None outside of one."""
    return _rehearsed.get()


_budget: TimeBudget | None = None


def set_time_budget(seconds: float | None) -> None:
    """Tell in the log of receivers that take more than *seconds*, in the whole process; None tells of none."""
    global _budget  # noqa: PLW0603 - as the signals are, it is one for the process
    if _budget is not None:
        _budget.stop()
    _budget = None if seconds is None else TimeBudget(seconds, _warn, receiver_name)
    if _budget is not None:
        _budget.start()


def deliver(operation: SignalSource, signal: NamedSignal, arguments: Mapping[str, Any]) -> None:
    """Run every receiver of *signal* in the order of their connection, then tell `delivered`.

    Blinker's own ``send`` stops at the first exception, so one bad receiver could keep a good one from running. Here
    all run, and then a failure has the effect that its kind demands:

    - `OperationRejected` is raised on, as the veto it is; of several the first;
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
    sender = operation.sender
    role = operation.signal_role(signal)
    emission = Emission(operation.name, operation.id, operation.seq, utc_now(), spec, role, sender, arguments)
    token = current.set(emission)
    try:
        ran, failures, overruns, interruption = _run(list(signal.receivers_for(sender)), emission)
    finally:
        current.reset(token)
    if delivered.receivers:
        _notify_observers(_delivery(emission, ran, failures, overruns))
    if interruption is not None:
        raise interruption
    if failures:
        _raise_fatal_failures(spec, failures)


def _run(  # noqa: C901 - one loop, every step of which counts
    receivers: Sequence[Callable[..., Any]], emission: Emission
) -> tuple[int, Sequence[ReceiverFailure], Sequence[BudgetExceeded], BaseException | None]:
    """Run *receivers*: how many ran, those that raised, those that took too long, and what ends the process, if any."""
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
                raise TypeError("an asynchronous receiver cannot be awaited here")  # noqa: TRY301 - one way to fail
        except Exception as error:  # noqa: BLE001 - a receiver is foreign code
            failures.append(ReceiverFailure(receiver_name(receiver), error))
        except BaseException as error:  # noqa: BLE001 - raised by `deliver`, once those who watch know of the signal
            failures.append(ReceiverFailure(receiver_name(receiver), error))
            interruption = error
        if budget is not None:
            seconds, started = perf_counter() - started, perf_counter()
            if seconds > budget.seconds and budget.overrun(receiver, signal, seconds):
                overruns.append(BudgetExceeded(receiver_name(receiver), seconds))
        if interruption is not None:
            break
    if budget is not None:
        running.pop()
    return ran, failures, overruns, interruption


def _delivery(
    emission: Emission, ran: int, failures: Sequence[ReceiverFailure], overruns: Sequence[BudgetExceeded]
) -> Delivery:
    e = emission
    return Delivery(
        *(e.operation, e.operation_id, e.seq, e.time, e.spec, e.role, e.sender, e.arguments), ran, failures, overruns
    )


def _notify_observers(delivery: Delivery) -> None:
    for watcher in list(delivered.receivers_for(delivery.sender)):
        try:
            watcher(delivery.sender, delivery=delivery)
        except Exception as error:  # noqa: BLE001 - who only watches must not disturb
            _log("delivered", ReceiverFailure(receiver_name(watcher), error))


def _copy_containers(value: Any) -> Any:
    """A receiver may change a dict or list that it was given: nobody else sees that, the operation least of all."""
    if isinstance(value, Mapping):
        return {key: _copy_containers(entry) for key, entry in value.items()}
    return list(value) if isinstance(value, list) else value


def _raise_fatal_failures(spec: SignalSpec, failures: Sequence[ReceiverFailure]) -> None:
    """Raise what stops the operation, a veto before a crash, and log the rest."""
    vetoes: list[LbackError] = []
    crashes: list[LbackError] = []
    for failure in failures:
        if spec.can_veto and isinstance(failure.exception, OperationRejected):
            vetoes.append(failure.exception)
        elif spec.carries_session:
            crashes.append(_crash(spec, failure))
        else:
            _log(spec.name, failure)
    for fatal in (*vetoes, *crashes):
        raise fatal


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


def _warn(text: str) -> None:
    import logging

    logging.getLogger("lback_cli.signals").warning("%s", safe(text))


def receiver_name(receiver: Any) -> str:
    """What *receiver* is called in reports: its ``receiver_name`` if it has one, else its dotted name."""
    if (own := getattr(receiver, "receiver_name", None)) is not None:
        return str(own)
    module = getattr(receiver, "__module__", type(receiver).__module__)
    name = getattr(receiver, "__qualname__", type(receiver).__qualname__)
    return f"{module}.{name}"
