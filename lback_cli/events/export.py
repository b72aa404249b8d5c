"""Events as JSON for others: lback's own lines, which can be verified, and CloudEvents 1.0."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from lback_cli.errors import BrokenEventLog
from lback_cli.events.chain import HASHED, canonical
from lback_cli.events.verifier import COLUMNS

_FIRST = ("seq", "time", "signal", "outcome", "subject_id", "subject", "actor", "data")

EVENT_COLUMNS = (*_FIRST, *sorted({*COLUMNS} - {*_FIRST}))
"""All fields of an event, those that people look for first, the rest by name."""


def event_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored event as JSON shows it: all that its hash covers, and the personal part, with *data* as an object."""
    view = {name: row[name] for name in EVENT_COLUMNS}
    view["data"] = None if row["data"] is None else json.loads(row["data"])
    return view


def cloud_event(row: Mapping[str, Any]) -> dict[str, Any]:
    """A stored event as a CloudEvent (specification 1.0.2, JSON format), with the sequence extension."""
    view = event_view(row)
    about = {"operation", "operation_id", "outcome", "actor", "subject_id"}
    event = {
        "specversion": "1.0",
        "id": view["id"],
        "source": f"//{view['host']}/lback",
        "type": f"dev.lback.{view['signal']}.v1",
        "time": view["time"],
        "sequence": f"{view['seq']:020}",
        "datacontenttype": "application/json",
        "data": {name: view[name] for name in EVENT_COLUMNS if name in about} | {"arguments": view["data"]},
    }
    if view["subject"] is not None:
        event["subject"] = view["subject"]
    return event


def read_rows(lines: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """The rows of an exported file, as the verifier takes them. Raises `BrokenEventLog` for a line that is none."""
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line, object_pairs_hook=_unambiguous)
            if not isinstance(row, dict) or row.keys() != {*COLUMNS}:
                raise ValueError("other fields than an event has")  # noqa: TRY301 - one way to refuse a line
            data = None if row["data"] is None else canonical(row["data"])
        except (ValueError, RecursionError) as error:
            raise BrokenEventLog(number, f"line {number} is not an exported event: {error}.") from error
        yield (*(row[name] for name in HASHED), data, row["subject"], row["salt"], row["hash"])


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object; with a key twice, one reader would see the first value and the hash cover the last."""
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a key twice")
    return result
