"""Sending signals to receivers that return, raise, veto or take too long."""

import gc
import logging
import re
import time
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from blinker import NamedSignal
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.errors import OperationRejected, UnexpectedError
from lback_cli.signals import (
    CATALOGUE,
    Delivery,
    current_emission,
    delivered,
    user_authenticated,
    user_deletion_failed,
    user_deletion_started,
    user_update_started,
)
from lback_cli.signals.dispatch import deliver, set_time_budget
from lback_cli.signals.emission import Role

STARTED = {"user_id": 7}
FAILED = {"user_id": 7, "username": "ann", "error_type": "repository_error", "exception": None}
WITH_SESSION = {"user": None, "session": None}


@dataclass
class Sender:
    """An operation, as far as sending a signal needs it."""

    id: str = "0123"
    seq: int = 3
    name: str = "delete_user"
    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    sender: Any = field(default_factory=object)

    def signal_role(self, signal: NamedSignal) -> Role:
        return "failure" if signal is user_deletion_failed else "started"

    def changes(self, signal: NamedSignal) -> None:
        """None of these signals is a success."""

    def misuse(self) -> None:
        """There is no session."""


@pytest.fixture(autouse=True)
def _no_receiver_is_left() -> Iterator[None]:
    yield
    disconnect_all()
    set_time_budget(None)


def disconnect_all() -> None:
    for signal in [delivered, *(spec.signal for spec in CATALOGUE.values())]:
        for receiver in list(signal.receivers.values()):  # receivers_for(ANY) leaves out those of one sender
            alive = receiver() if isinstance(receiver, weakref.ref) else receiver
            if alive is not None:
                signal.disconnect(alive)


def watch() -> list[Delivery]:
    """Return a list to which every later delivery is added."""
    seen: list[Delivery] = []

    def remember(_sender: Any, delivery: Delivery) -> None:
        seen.append(delivery)

    delivered.connect(remember, weak=False)
    return seen


def raising(error: BaseException) -> Callable[..., None]:
    def broken(_sender: Any, **_arguments: Any) -> None:
        raise error

    return broken


def connect(signal: NamedSignal, receiver: Callable[..., Any], **options: Any) -> None:
    signal.connect(receiver, weak=False, **options)


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert {record.levelno for record in caplog.records} <= {logging.ERROR}
    assert {record.name for record in caplog.records} <= {"lback_cli.signals"}
    return [record.getMessage() for record in caplog.records]


# Which receivers run


@given(order=st.permutations(range(8)), broken=st.sets(st.integers(0, 7)))
def test_every_receiver_runs_once_whichever_raise(order: list[int], broken: set[int]) -> None:
    ran: list[int] = []

    def receive(number: int, _sender: Any, **_arguments: Any) -> None:
        ran.append(number)
        if number in broken:
            raise LookupError(number)

    disconnect_all()
    seen = watch()
    for number in order:
        connect(user_deletion_started, partial(receive, number))

    deliver(Sender(), user_deletion_started, STARTED)

    assert sorted(ran) == list(range(8))
    assert seen[0].receivers == 8
    assert sorted(failure.exception.args[0] for failure in seen[0].failures) == sorted(broken)


@given(
    order=st.permutations(["well", "crash", "veto", "well", "crash"]),
    signal=st.sampled_from([user_authenticated, user_deletion_started]),
)
def test_veto_takes_precedence_over_errors_in_any_order(order: list[str], signal: NamedSignal) -> None:
    ran: list[str] = []

    def receive(kind: str, _sender: Any, **_arguments: Any) -> None:
        ran.append(kind)
        if kind != "well":
            raise OperationRejected("no") if kind == "veto" else LookupError("lost")

    disconnect_all()
    for kind in order:
        connect(signal, partial(receive, kind))

    with pytest.raises(OperationRejected, match=r"^no$"):
        deliver(Sender(), signal, WITH_SESSION if signal is user_authenticated else STARTED)

    assert sorted(ran) == sorted(order)


def test_receiver_of_one_sender_ignores_others() -> None:
    ours, other = Sender(), Sender()
    heard: list[Any] = []
    connect(user_deletion_started, lambda sender, **_: heard.append(sender), sender=ours.sender)

    deliver(other, user_deletion_started, STARTED)
    deliver(ours, user_deletion_started, STARTED)

    assert heard == [ours.sender]


def test_collected_weak_receiver_is_not_called() -> None:
    heard: list[int] = []
    seen = watch()
    user_deletion_started.connect(lambda _sender, user_id: heard.append(user_id))
    gc.collect()

    deliver(Sender(), user_deletion_started, STARTED)

    assert (heard, seen[0].receivers) == ([], 0)


def test_strong_receiver_is_not_collected() -> None:
    heard: list[int] = []
    user_deletion_started.connect(lambda _sender, user_id: heard.append(user_id), weak=False)
    gc.collect()

    deliver(Sender(), user_deletion_started, STARTED)

    assert heard == [7]


def test_muted_signal_is_not_delivered() -> None:
    heard: list[int] = []
    seen = watch()
    connect(user_deletion_started, lambda _sender, user_id: heard.append(user_id))

    with user_deletion_started.muted():
        deliver(Sender(), user_deletion_started, STARTED)

    assert (heard, seen) == ([], [])
    deliver(Sender(), user_deletion_started, STARTED)
    assert (heard, len(seen)) == ([7], 1)


def test_sender_is_positional_and_arguments_are_keywords() -> None:
    calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
    connect(user_deletion_failed, lambda *args, **kwargs: calls.append((args, kwargs)))
    operation = Sender()

    deliver(operation, user_deletion_failed, FAILED)

    assert calls == [((operation.sender,), FAILED)]


def test_receivers_get_copies_of_dicts_and_lists() -> None:
    seen = watch()
    found: list[dict[str, Any]] = []

    def spoil(_sender: Any, update_data: dict[str, Any], **_: Any) -> None:
        found.append({name: list(value) for name, value in update_data.items()})
        update_data["add_groups"].append("admin")
        update_data["is_active"] = [True]

    for _ in range(3):
        connect(user_update_started, partial(spoil))
    given_data = {"add_groups": ["staff"]}

    deliver(Sender(), user_update_started, {"user_id": 7, "update_data": given_data})

    assert found == [{"add_groups": ["staff"]}] * 3
    assert given_data == {"add_groups": ["staff"]}
    assert seen[0].arguments["update_data"] == {"add_groups": ["staff"]}


# Failures of receivers


def test_error_is_logged_if_signal_carries_no_session(caplog: pytest.LogCaptureFixture) -> None:
    connect(user_deletion_started, raising(LookupError("lost \x1b[31m")))

    deliver(Sender(), user_deletion_started, STARTED)

    name = f"{__name__}.raising.<locals>.broken"
    assert logged(caplog) == [f"The receiver {name} of user_deletion_started failed: LookupError: lost \\x1b[31m"]


def test_error_is_raised_with_its_cause_if_signal_carries_session(caplog: pytest.LogCaptureFixture) -> None:
    error = LookupError("lost")
    connect(user_authenticated, raising(error))

    with pytest.raises(UnexpectedError) as raised:
        deliver(Sender(), user_authenticated, WITH_SESSION)

    assert raised.value.__cause__ is error
    assert raised.value.message == (
        f"The receiver {__name__}.raising.<locals>.broken of user_authenticated failed: LookupError: lost"
    )
    assert logged(caplog) == []


@pytest.mark.parametrize("error", [LookupError("lost"), OperationRejected("no")], ids=["crash", "veto"])
def test_exception_at_failure_signal_is_only_logged(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    connect(user_deletion_failed, raising(error))

    deliver(Sender(), user_deletion_failed, FAILED)

    assert len(logged(caplog)) == 1


def test_interruption_skips_later_receivers_and_observers_see_the_signal() -> None:
    seen = watch()
    for _ in range(3):
        connect(user_deletion_started, raising(KeyboardInterrupt()))

    with pytest.raises(KeyboardInterrupt):
        deliver(Sender(), user_deletion_started, STARTED)

    assert (seen[0].spec.name, seen[0].receivers) == ("user_deletion_started", 1)
    assert [type(failure.exception) for failure in seen[0].failures] == [KeyboardInterrupt]


def test_asynchronous_receiver_fails_without_warning(caplog: pytest.LogCaptureFixture) -> None:
    ran: list[int] = []

    async def receive(_sender: Any, **_arguments: Any) -> None:
        ran.append(1)

    connect(user_deletion_started, receive)

    deliver(Sender(), user_deletion_started, STARTED)
    gc.collect()

    assert ran == []
    assert logged(caplog)[0].endswith("TypeError: an asynchronous receiver cannot be awaited")


def test_receiver_with_wrong_parameters_is_logged_by_name(caplog: pytest.LogCaptureFixture) -> None:
    connect(user_deletion_started, lambda sender, username: (sender, username))

    deliver(Sender(), user_deletion_started, STARTED)

    assert "<lambda> of user_deletion_started failed: TypeError" in logged(caplog)[0]


def test_callable_object_is_named_by_its_class(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __call__(self, _sender: Any, **_arguments: Any) -> None:
            raise LookupError("lost")

    connect(user_deletion_started, Broken())

    deliver(Sender(), user_deletion_started, STARTED)

    assert f"The receiver {__name__}." in logged(caplog)[0]
    assert "Broken of user_deletion_started" in logged(caplog)[0]


# Arguments and deliveries


@pytest.mark.parametrize(
    "arguments", [{}, {"user_id": 7, "extra": 1}, {"id": 7}], ids=["missing", "undocumented", "misnamed"]
)
def test_undocumented_arguments_raise_type_error(arguments: dict[str, Any]) -> None:
    heard: list[Any] = []
    connect(user_deletion_started, lambda *args, **kwargs: heard.append((args, kwargs)))

    with pytest.raises(TypeError, match="user_deletion_started is documented with"):
        deliver(Sender(), user_deletion_started, arguments)

    assert heard == []


def test_delivery_has_the_signal_and_its_results() -> None:
    seen = watch()
    error = LookupError("lost")
    connect(user_deletion_failed, raising(error))
    operation = Sender()
    before = datetime.now(UTC)

    deliver(operation, user_deletion_failed, FAILED)

    (delivery,) = seen
    assert (delivery.operation, delivery.operation_id, delivery.seq) == ("delete_user", "0123", 3)
    assert before <= delivery.time <= datetime.now(UTC)
    assert (delivery.spec, delivery.role) == (CATALOGUE["user_deletion_failed"], "failure")
    assert (delivery.sender, delivery.arguments) == (operation.sender, FAILED)
    assert (delivery.receivers, [failure.exception for failure in delivery.failures]) == (1, [error])


@pytest.mark.parametrize("error", [LookupError("lost"), OperationRejected("no")], ids=["crash", "veto"])
def test_observers_are_notified_before_a_failure_is_raised(error: Exception) -> None:
    seen = watch()
    connect(user_authenticated, raising(error))

    with pytest.raises(UnexpectedError if isinstance(error, LookupError) else OperationRejected):
        deliver(Sender(), user_authenticated, WITH_SESSION)

    assert [failure.exception for failure in seen[0].failures] == [error]


def test_failing_observer_is_logged_and_others_are_notified(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    def careless(_sender: object, delivery: Delivery) -> None:
        raise RuntimeError(delivery.spec.name)

    def watch(_sender: object, delivery: Delivery) -> None:
        seen.append(delivery.spec.name)

    with delivered.connected_to(careless), delivered.connected_to(watch):
        deliver(Sender(), user_deletion_failed, FAILED)
    assert seen == ["user_deletion_failed"]
    (record,) = caplog.records
    assert record.getMessage().endswith(
        f"{careless.__qualname__} of delivered failed: RuntimeError: user_deletion_failed"
    )


# Vetoes, and the current emission


def test_first_veto_is_raised_after_all_receivers_ran() -> None:
    seen = watch()
    for reason in ("first", "second"):
        connect(user_authenticated, raising(OperationRejected(reason)))
    connect(user_authenticated, raising(LookupError("lost")))

    with pytest.raises(OperationRejected, match=r"^first$"):
        deliver(Sender(), user_authenticated, WITH_SESSION)

    assert [str(failure.exception) for failure in seen[0].failures] == ["first", "second", "lost"]


@pytest.mark.parametrize("spec", CATALOGUE.values(), ids=lambda spec: spec.name)
def test_every_signal_but_failures_can_be_vetoed(spec: Any) -> None:
    connect(spec.signal, raising(OperationRejected("no")))
    arguments = dict.fromkeys(spec.argument_names)
    if spec.can_veto:
        with pytest.raises(OperationRejected):
            deliver(Sender(), spec.signal, arguments)
    else:
        deliver(Sender(), spec.signal, arguments)
    assert spec.can_veto == (not spec.name.endswith("_failed"))


def test_current_emission_is_set_while_a_receiver_runs() -> None:
    heard: list[tuple[Any, ...]] = []

    def note() -> None:
        emission = current_emission()
        assert emission is not None
        heard.append((emission.operation, emission.operation_id, emission.seq, emission.spec.name, emission.role))

    def outer(_sender: Any, **_arguments: Any) -> None:
        note()
        deliver(Sender("inner", 1), user_deletion_failed, FAILED)
        note()

    connect(user_deletion_started, outer)
    connect(user_deletion_failed, lambda _sender, **_arguments: note())

    assert current_emission() is None
    deliver(Sender(), user_deletion_started, STARTED)
    assert current_emission() is None

    first = ("delete_user", "0123", 3, "user_deletion_started", "started")
    assert heard == [first, ("delete_user", "inner", 1, "user_deletion_failed", "failure"), first]


# The time budget


class Slow:
    """A receiver that takes *seconds*."""

    def __init__(self, name: str, seconds: float, *, enforces_own_timeout: bool = False) -> None:
        self.receiver_name = name
        self.enforces_own_timeout = enforces_own_timeout
        self._seconds = seconds

    def __call__(self, _sender: Any, **_arguments: Any) -> None:
        time.sleep(self._seconds)


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    assert {(record.name, record.levelno) for record in caplog.records} <= {("lback_cli.signals", logging.WARNING)}
    return [re.sub(r"(after|took) \d+\.\d s", r"\1 TIME", record.getMessage()) for record in caplog.records]


def test_slow_receiver_is_reported_once_while_it_runs_and_once_after(caplog: pytest.LogCaptureFixture) -> None:
    seen = watch()
    set_time_budget(0.1)
    connect(user_deletion_started, Slow("quick", 0))
    connect(user_deletion_started, Slow("slow", 0.5))
    connect(user_deletion_started, Slow("quick too", 0))

    for _ in range(2):
        deliver(Sender(), user_deletion_started, STARTED)

    assert warned(caplog) == [
        "The receiver slow of user_deletion_started is still running after TIME; its time budget is 0.1 s.",
        "The receiver slow of user_deletion_started took TIME; its time budget is 0.1 s.",
    ]
    assert [[overrun.receiver for overrun in delivery.overruns] for delivery in seen] == [["slow"], ["slow"]]
    assert all(delivery.overruns[0].seconds >= 0.5 for delivery in seen)


def test_receiver_with_its_own_timeout_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    seen = watch()
    set_time_budget(0.1)
    connect(user_deletion_started, Slow("hook", 0.3, enforces_own_timeout=True))
    deliver(Sender(), user_deletion_started, STARTED)
    assert (warned(caplog), seen[0].overruns) == ([], [])


def test_nothing_is_reported_without_a_budget(caplog: pytest.LogCaptureFixture) -> None:
    set_time_budget(0.1)
    set_time_budget(None)
    seen = watch()
    connect(user_deletion_started, Slow("slow", 0.3))
    deliver(Sender(), user_deletion_started, STARTED)
    assert (warned(caplog), seen[0].overruns) == ([], [])


def test_time_of_inner_receivers_counts_for_the_outer_one(caplog: pytest.LogCaptureFixture) -> None:
    set_time_budget(0.1)

    def outer(_sender: Any, **_arguments: Any) -> None:
        deliver(Sender(), user_deletion_failed, FAILED)

    outer.receiver_name = "outer"  # type: ignore[attr-defined]
    connect(user_deletion_started, outer)
    connect(user_deletion_failed, Slow("inner", 0.4))

    deliver(Sender(), user_deletion_started, STARTED)

    assert sorted(line.partition(";")[0] for line in warned(caplog)) == [
        "The receiver inner of user_deletion_failed is still running after TIME",
        "The receiver inner of user_deletion_failed took TIME",
        "The receiver outer of user_deletion_started is still running after TIME",
        "The receiver outer of user_deletion_started took TIME",
    ]


def test_reported_name_is_escaped(caplog: pytest.LogCaptureFixture) -> None:
    set_time_budget(0.1)
    connect(user_deletion_started, Slow("\x1b[31mred", 0.15))
    deliver(Sender(), user_deletion_started, STARTED)
    assert all("\x1b" not in line and "\\x1b[31mred" in line for line in warned(caplog))
