"""Events as JSON: lback's own lines, which can be verified, and CloudEvents 1.0."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NoReturn

from lback_cli.attributes import LARGEST_INTEGER
from lback_cli.errors import BrokenEventLog
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.erasure import decoded
from lback_cli.events.hash_chain import HASHED, canonical
from lback_cli.events.kinds import FAILURE_EVENTS, OK
from lback_cli.events.verifier import COLUMNS, VerificationResult, Verifier

_FIRST = ("seq", "time", "signal", "outcome", "subject_id", "subject", "actor", "data")

EVENT_COLUMNS = (*_FIRST, *sorted({*COLUMNS} - {*_FIRST}))
"""All fields of an event: the most interesting ones, then the others by name."""


def event_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return all fields of a stored event, with ``data`` as an object."""
    view = {name: row[name] for name in EVENT_COLUMNS}
    view["data"] = None if row["data"] is None else decoded(row["seq"], row["data"])
    return view


def shown_event(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a stored event for a reader: as `event_view`, with ``ok`` as the outcome of a success."""
    view = event_view(row)
    if view["outcome"] is None and view["signal"] not in FAILURE_EVENTS:
        view["outcome"] = OK
    return view


def cloud_event(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored event as a CloudEvent (specification 1.0.2, JSON format) with the sequence extension."""
    view = event_view(row)
    about = {"operation", "operation_id", "outcome", "actor", "subject_id"}
    arguments = dict(view["data"] or {})
    recorded = {name: arguments.pop(name) for name in ("changes",) if name in arguments}
    event = {
        "specversion": "1.0",
        "id": view["id"],
        "source": f"//{view['host']}/lback",
        "type": f"dev.lback.{view['signal']}.v1",
        "time": view["time"],
        "datacontenttype": "application/json",
        "data": {
            **{name: view[name] for name in EVENT_COLUMNS if name in about},
            "arguments": None if view["data"] is None else arguments,
            **recorded,
        },
    }
    if view["seq"] is not None:  # None: an event that is not in the log
        event["sequence"] = f"{view['seq']:020}"
    if view["subject"] is not None:
        event["subject"] = view["subject"]
    return event


def read_rows(lines: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """Yield the rows of an exported file, as the verifier expects them.

    Args:
        lines: The lines of the file. Bytes that are not UTF-8 are lone surrogates (PEP 383).

    Raises:
        BrokenEventLog: A line is not an exported event.
    """
    for number, line in enumerate(lines, start=1):
        try:
            line.encode()
            row = _DECODER.decode(line)
            if not isinstance(row, dict) or row.keys() != {*COLUMNS}:
                raise ValueError("its fields are not those of an event")  # noqa: TRY301 - all bad lines are handled below
            if not (isinstance(row["data"], dict | None) and isinstance(row["subject"], str | None)):
                raise ValueError("data or subject of another type")  # noqa: TRY004, TRY301 - as above
            data = None if row["data"] is None else canonical(row["data"])
        except (ValueError, RecursionError) as error:
            reason = "it is not UTF-8" if isinstance(error, UnicodeError) else error
            raise BrokenEventLog(number, f"line {number} is not an exported event: {reason}.") from error
        yield (*(row[name] for name in HASHED), data, row["subject"], row["salt"], row["hash"])


def verify_lines(lines: Iterable[str], checkpoint: Checkpoint | None = None) -> VerificationResult:
    """Verify an exported log, and compare it with *checkpoint* if there is one.

    Raises:
        BrokenEventLog: The log was changed, or has no line. An empty file proves nothing.
    """
    verifier = Verifier(checkpoint)
    verifier.feed(read_rows(lines))
    verdict = verifier.finish()
    if verdict.events == 0:
        raise BrokenEventLog(1, "it is missing: there is nothing at all.")
    return verdict


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Reject duplicate keys: a reader could see the first value, while the hash covers the last."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a duplicate key")
    return result


def _exact(digits: str) -> int:
    if len(digits) > _MAXIMUM_DIGITS or abs(number := int(digits)) > LARGEST_INTEGER:
        raise ValueError("a number that readers may interpret differently")
    return number


def _not_an_integer(text: str) -> NoReturn:
    raise ValueError(f"{text[:_MAXIMUM_DIGITS]} is not an integer")


_MAXIMUM_DIGITS = 20
_DECODER = json.JSONDecoder(
    object_pairs_hook=_unambiguous, parse_int=_exact, parse_float=_not_an_integer, parse_constant=_not_an_integer
)
"""Accepts only what an event can hold, so that all readers see the same event in a line."""
