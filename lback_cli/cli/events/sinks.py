"""`lback events sinks`: list, test and forget."""

from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.command_group import CommandGroup, command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import SinkName
from lback_cli.cli.output.prompts import Yes, confirm
from lback_cli.text.times import to_the_second

if TYPE_CHECKING:
    from lback_cli.relay.admin import SinkStatus


group = CommandGroup(
    __name__,
    "List, test and forget the sinks of the relay. Without a command, list them.",
    {"list": ":list_sinks", "test": ":test", "forget": ":forget"},
    default="list",
)

SINK_COLUMNS = (
    *("sink", "configured", "position", "lag", "failures", "dead_letters"),
    *("last_error", "delivered_at", "worker"),
)
SINK_TABLE = ("sink", "position", "lag", "failures", "dead_letters", "last_error")


@command(
    examples={
        "Show how far each sink is": "lback events sinks list",
        "Show the sinks as JSON": "lback events sinks list -o json",
    },
    fields=SINK_COLUMNS,
)
def list_sinks(ctx: typer.Context) -> None:
    """List the sinks with their position, their lag, and their last error or why their settings cannot be used."""
    context = cli_context(ctx)
    admin = context.sink_admin
    sinks = (_sink_view(status, admin.unusable(status.name)) for status in admin.sinks())
    context.output.records(sinks, SINK_COLUMNS, brief=SINK_TABLE, empty="No sinks.")


@command(
    examples={
        "Send a test event to a sink": "lback events sinks test audit",
    }
)
def test(ctx: typer.Context, sink: SinkName) -> None:
    """Send a test event to a sink now. Its type is dev.lback.test.v1, and it is not in the log."""
    context = cli_context(ctx)
    test_id = context.sink_admin.send_test(sink)
    context.output.message(f"{sink} accepted a test event.")
    context.output.report({"sink": sink, "event_id": test_id})


@command(
    examples={
        "Forget a sink that is no longer configured": "lback events sinks forget audit --yes",
    }
)
def forget(ctx: typer.Context, sink: SinkName, yes: Yes = False) -> None:
    """Delete the position and the dead letters of a sink. If it is still configured, it begins anew."""
    context = cli_context(ctx)
    letters = len(context.sink_admin.dead_letters(sink))
    confirm(f"Forget the position of {sink}, and its dead letters ({letters})?", yes=yes)
    context.output.report({"sink": sink, "dropped": context.sink_admin.forget(sink)})


def _sink_view(status: "SinkStatus", unusable: str | None) -> dict[str, Any]:
    return {
        "sink": status.name,
        "configured": status.configured,
        "position": status.position,
        "lag": status.lag,
        "failures": status.failures,
        "dead_letters": status.dead_letters,
        "last_error": unusable or status.last_error,
        "delivered_at": None if status.delivered_at is None else to_the_second(status.delivered_at),
        "worker": status.worker,
    }
