"""`lback events replay`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import SinkName


@command(examples=("lback events replay audit --from 4711",))
def replay(
    ctx: typer.Context,
    sink: SinkName,
    seq: Annotated[int, typer.Option("--from", help="The event to deliver next.", metavar="SEQ")],
) -> None:
    """Move a sink back or forward, so that event SEQ is delivered next."""
    context = cli_context(ctx)
    count = context.sink_admin.replay(sink, seq)
    context.output.message(f"{sink} continues with event {seq}. Events to deliver: {count}.")
    context.output.report({"sink": sink, "position": seq - 1, "lag": count})
