"""The trace for programs: one JSON object a line."""

import json

from lback_cli.events.arguments import as_json, exception_as_json
from lback_cli.signals import Delivery
from lback_cli.times import timestamp


def json_line(delivery: Delivery) -> str:
    """*delivery* as one line of ASCII with its newline, so that no name can break it, whatever reads it.

    The keys are ``time`` (RFC 3339, UTC), ``operation_id``, ``seq``, ``signal``, ``sender``, ``args``, ``receivers``
    and, where a receiver raised, ``receiver_errors``.
    """
    line = {
        "time": timestamp(delivery.time),
        "operation_id": delivery.operation_id,
        "seq": delivery.seq,
        "signal": delivery.spec.name,
        "sender": type(delivery.sender).__name__,
        "args": {argument.name: as_json(delivery.arguments[argument.name]) for argument in delivery.spec.arguments},
        "receivers": delivery.receivers,
    }
    if delivery.failures:
        line["receiver_errors"] = [
            {"receiver": failure.receiver, **exception_as_json(failure.exception)} for failure in delivery.failures
        ]
    return json.dumps(line, separators=(",", ":")) + "\n"
