"""`lback events replay`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import SinkName


@command(
    examples={
        "Deliver event 4711 and all later ones again": "lback events replay audit --from 4711",
    }
)
def replay(
    ctx: typer.Context,
    sink: SinkName,
    seq: Annotated[int, typer.Option("--from", help="Number of the event to deliver next.", metavar="SEQ")],
) -> None:
    """Move the position of a sink, so that event SEQ is the next one that the sink is sent."""
    context = cli_context(ctx)
    count = context.sink_admin.replay(sink, seq)
    context.output.message(f"{sink} continues with event {seq}. Events to deliver: {count}.")
    context.output.report({"sink": sink, "position": seq - 1, "lag": count})
