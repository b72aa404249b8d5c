"""`lback events show`."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.events.export import shown_event
from lback_cli.events.wording import change_phrases, sentence, with_present_groups
from lback_cli.text.times import local_time

_FIRST = ("seq", "time", "signal", "outcome", "subject", "actor")
_LAST = ("operation", "operation_id", "invocation_id", "host", "pid", "version", "id", "subject_id")
_HASHES = ("salt", "digest", "previous_hash", "hash")


@command(
    examples={
        "Show the event with number 42": "lback events show 42",
    }
)
def show(ctx: typer.Context, seq: Annotated[int, typer.Argument(metavar="SEQ", help="Number of the event.")]) -> None:
    """Show one event: what changed, the arguments of the signal, and the hashes."""
    context = cli_context(ctx)
    event = shown_event(context.events.find(seq))
    what = sentence(with_present_groups(event, context.events.group_timeline().present_name))
    context.output.document(event, _lines(event, what))


def _lines(event: dict[str, Any], what: str) -> Iterator[str]:
    yield from _fields({name: event[name] for name in _FIRST} | {"time": local_time(event["time"])})
    yield from _fields({"what": what})
    data = dict(event["data"] or {})
    for number, phrase in enumerate(change_phrases(data.pop("changes", {}))):
        yield from _fields({"" if number else "changes": phrase})
    yield ""
    yield from _fields({name: value if isinstance(value, str) else json.dumps(value) for name, value in data.items()})
    yield ""
    yield from _fields({name: event[name] for name in (*_LAST, *_HASHES)})


def _fields(values: dict[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if value is not None:
            yield f"{name.replace('_', ' '):<13}  {value}"
