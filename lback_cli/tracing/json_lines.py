"""The trace for programs: one JSON object a line."""

import json
from typing import Any

from lback_cli.events.serialization import exception_as_json, to_json
from lback_cli.signals import Delivery, Emission
from lback_cli.text.times import timestamp


def json_line(delivery: Delivery) -> str:
    """*delivery* as one line of ASCII with its newline, so that no name can break it, whatever reads it.

    The keys are those of `as_event`, ``receivers``, where a receiver raised ``receiver_errors``, and where one took
    too long ``receiver_overruns``.
    """
    line = as_event(delivery) | {"receivers": delivery.receivers}
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
    """What was sent: ``time`` (RFC 3339, UTC), ``operation_id``, ``seq``, ``signal``, ``sender`` and ``args``."""
    return {
        "time": timestamp(emission.time),
        "operation_id": emission.operation_id,
        "seq": emission.seq,
        "signal": emission.spec.name,
        "sender": type(emission.sender).__name__,
        "args": {argument.name: to_json(emission.arguments[argument.name]) for argument in emission.spec.arguments},
    }


def as_line(event: dict[str, Any]) -> str:
    """*event* as one line of ASCII."""
    return json.dumps(event, separators=(",", ":")) + "\n"
