"""The order of receivers, and the references to them."""

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from blinker import ANY, NamedSignal
from hypothesis import given
from hypothesis import strategies as st

from lback_cli.signals import CATALOGUE, receiver
from lback_cli.signals.ordered import OrderedSignal, ReceiverConnection, strong_references


def noting(ran: list[Any], what: Any) -> Callable[..., None]:
    return partial(lambda _sender, **_arguments: ran.append(what))


def test_every_signal_is_ordered() -> None:
    assert {type(spec.signal) for spec in CATALOGUE.values()} == {OrderedSignal}


@given(st.lists(st.tuples(st.booleans(), st.booleans())))
def test_receivers_run_in_the_order_of_connection(steps: list[tuple[bool, bool]]) -> None:
    signal, sender = OrderedSignal("test"), object()
    ran: list[int] = []
    connected: dict[tuple[bool, int], Callable[..., None]] = {}
    for number, (of_sender, disconnect) in enumerate(steps):
        connected[of_sender, number] = noting(ran, number)
        signal.connect(connected[of_sender, number], sender if of_sender else ANY, weak=False)
        if disconnect:
            key = next(iter(connected))
            signal.disconnect(connected.pop(key))

    signal.send(sender)

    assert ran == [number for of_sender in (False, True) for group, number in connected if group == of_sender]


def test_reconnected_receiver_keeps_its_position() -> None:
    signal = OrderedSignal("test")
    ran: list[str] = []
    first, second = noting(ran, "first"), noting(ran, "second")
    for one in (first, second, first):
        signal.connect(one, weak=False)
    signal.send()
    assert ran == ["first", "second"]


def test_receiver_of_a_collected_sender_is_forgotten() -> None:
    class Sender:
        pass

    signal, sender = OrderedSignal("test"), Sender()
    ran: list[str] = []
    signal.connect(noting(ran, "theirs"), sender, weak=False)
    del sender
    gc.collect()
    signal.send(Sender())
    assert ran == []


def test_strong_references_holds_and_lists_connections() -> None:
    signal = OrderedSignal("test")
    ran: list[str] = []
    with strong_references() as connections:
        signal.connect(noting(ran, "held"))
    signal.connect(noting(ran, "dropped"))
    assert connections == [ReceiverConnection(signal, connections[0].receiver)]
    connections.clear()
    gc.collect()

    signal.send()

    assert ran == ["held"]


def test_decorator_connects_permanently_to_all_its_signals() -> None:
    signals = [OrderedSignal("one"), OrderedSignal("two")]
    ran: list[int] = []

    def connect() -> None:
        @receiver(*signals)
        def hear(_sender: Any, number: int) -> int:
            ran.append(number)
            return number

        assert hear(None, 0) == 0

    connect()
    gc.collect()
    for number, signal in enumerate(signals, 1):
        signal.send(number=number)
    assert ran == [0, 1, 2]


def test_decorator_can_select_a_sender() -> None:
    signal, ours = OrderedSignal("test"), object()
    ran: list[object] = []
    receiver(signal, sender=ours)(ran.append)
    signal.send(object())
    signal.send(ours)
    assert ran == [ours]


@pytest.mark.parametrize("signals", [(), (lambda _sender: None,), (NamedSignal("a"), "user_registered")])
def test_decorator_accepts_only_signals(signals: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match=r"@receiver\(user_registered\)"):
        receiver(*signals)
