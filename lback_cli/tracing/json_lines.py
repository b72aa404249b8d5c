"""The trace for programs: one JSON object on each line."""

import json
from typing import Any

from lback_cli.events.serialization import exception_as_json, to_json
from lback_cli.signals import Delivery, Emission
from lback_cli.text.times import timestamp


def json_line(delivery: Delivery) -> str:
    """Return *delivery* as one line of ASCII with a newline. No value in it can break the line for any reader.

    Its keys are those of `as_event`, ``receivers``, ``receiver_errors`` if a receiver raised, and ``receiver_overruns``
    if one exceeded its time budget.
    """
    line = as_event(delivery)
    if (changes := delivery.changes) is not None:
        line["changes"] = dict(changes)
    line["receivers"] = delivery.receivers
    if delivery.failures:
        line["receiver_errors"] = [
            {"receiver": failure.receiver, **exception_as_json(failure.exception)} for failure in delivery.failures
        ]
    if delivery.overruns:
        line["receiver_overruns"] = [
            {"receiver": overrun.receiver, "seconds": round(overrun.seconds, 3)} for overrun in delivery.overruns
        ]
    return as_line(line)


def as_event(emission: Emission) -> dict[str, Any]:
    """Return the ``time`` (RFC 3339, UTC), ``operation_id``, ``seq``, ``signal``, ``sender`` and ``args``."""
    return {
        "time": timestamp(emission.time),
        "operation_id": emission.operation_id,
        "seq": emission.seq,
        "signal": emission.spec.name,
        "sender": type(emission.sender).__name__,
        "args": {argument.name: to_json(emission.arguments[argument.name]) for argument in emission.spec.arguments},
    }


def as_line(event: dict[str, Any]) -> str:
    """Return *event* as one line of ASCII with a newline."""
    return json.dumps(event, separators=(",", ":")) + "\n"
