"""The cost of emitting a documented signal, compared with blinker's ``send`` with the same receivers and arguments.

    python tests/benchmarks/signals.py [--rounds 60] [--seconds 0.02]

With 0, 1 and 10 receivers that do nothing, and once more with 10 under a time budget. Each round measures all sides one
after the other, whatever else the machine does, and the ratio is the median of the rounds' own. One side is
`Operation.emit`, as the operations call it, the other ``send`` of a plain blinker signal; both get the arguments by
name.
"""
# ruff: noqa: T201 - printing is what it is for

import argparse
import platform
import statistics
import timeit
from collections.abc import Callable
from typing import Any, cast

from blinker import NamedSignal

from lback_cli.operations.attempts import AttemptState
from lback_cli.operations.kinds import DELETE_USER
from lback_cli.operations.operation import Operation
from lback_cli.signals import user_authenticated
from lback_cli.signals.dispatch import set_time_budget

TARGETS = {0: 2.0, 10: 1.3}


def receivers(number: int) -> list[Callable[..., None]]:
    """Return receivers like those of plugins."""

    def make() -> Callable[..., None]:
        def receive(sender: Any, user: Any, session: Any, **extra: Any) -> None:
            pass

        return receive

    return [make() for _ in range(number)]


def sides(number: int) -> tuple[Callable[[], object], Callable[[], object]]:
    """Sending a plain signal and emitting a documented one, to *number* receivers each."""
    sender, user, session = object(), object(), object()
    bare = NamedSignal("bare")
    for receiver in receivers(number):
        bare.connect(receiver, weak=False)
        user_authenticated.connect(receiver, weak=False)
    effects = AttemptState()
    operation = Operation(DELETE_USER, sender, cast("Any", None), None, {}, effects=effects)

    def emit() -> None:
        effects.sent.clear()  # an operation sends a signal once
        operation.emit(user_authenticated, user=user, session=session)

    return lambda: bare.send(sender, user=user, session=session), emit


def disconnect_all() -> None:
    for receiver in list(user_authenticated.receivers_for(None)):
        user_authenticated.disconnect(receiver)


def measure(number: int, rounds: int, seconds: float) -> tuple[float, float, float]:
    """Return the nanoseconds of a plain ``send`` and of an emission, and their ratio."""
    pair = sides(number)
    calls = max(1, int(seconds / (timeit.timeit(pair[1], number=2000) / 2000)))
    times = [[timeit.timeit(side, number=calls) / calls for side in pair] for _ in range(rounds)]
    disconnect_all()
    bare, emitted = (statistics.median(column) * 1e9 for column in zip(*times, strict=True))
    return bare, emitted, statistics.median(emit / send for send, emit in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=0.02, help="of each side in a round")
    options = parser.parse_args()
    print(f"Python {platform.python_version()}, {options.rounds} rounds\n")
    print("| receivers | `send` ns | emission ns | ratio | target | |\n|---|--:|--:|--:|--:|---|")
    for number in (0, 1, 10):
        report(str(number), *measure(number, options.rounds, options.seconds), TARGETS.get(number))
    set_time_budget(60)
    report("10, time budget", *measure(10, options.rounds, options.seconds), None)
    set_time_budget(None)


def report(what: str, bare: float, emitted: float, ratio: float, target: float | None) -> None:
    verdict = "" if target is None else "met" if ratio <= target else "**missed**"
    limit = "" if target is None else f"{target:.2f}"
    print(f"| {what} | {bare:.0f} | {emitted:.0f} | {ratio:.2f} | {limit} | {verdict} |")


if __name__ == "__main__":
    main()
