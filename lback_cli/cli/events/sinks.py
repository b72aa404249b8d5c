"""`lback events sinks`."""

from typing import TYPE_CHECKING, Any

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.text.times import to_the_second

if TYPE_CHECKING:
    from lback_cli.relay.admin import SinkStatus


SINK_COLUMNS = (
    *("sink", "configured", "position", "lag", "failures", "dead_letters"),
    *("last_error", "delivered_at", "worker"),
)
SINK_TABLE = ("sink", "position", "lag", "failures", "dead_letters", "last_error")


@command(
    examples={
        "Show how far each sink is": "lback events sinks",
        "Show the sinks as JSON": "lback events sinks -o json",
    },
    fields=SINK_COLUMNS,
)
def list_sinks(ctx: typer.Context) -> None:
    """List the sinks with their position, their lag and their last error."""
    context = cli_context(ctx)
    sinks = map(_sink_view, context.sink_admin.sinks())
    context.output.records(sinks, SINK_COLUMNS, brief=SINK_TABLE, empty="No sinks.")


def _sink_view(status: "SinkStatus") -> dict[str, Any]:
    return {
        "sink": status.name,
        "configured": status.configured,
        "position": status.position,
        "lag": status.lag,
        "failures": status.failures,
        "dead_letters": status.dead_letters,
        "last_error": status.last_error,
        "delivered_at": None if status.delivered_at is None else to_the_second(status.delivered_at),
        "worker": status.worker,
    }
