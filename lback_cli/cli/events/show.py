"""`lback events show`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.events.export import event_view


@command(examples=("lback events show 42",))
def show(ctx: typer.Context, seq: Annotated[int, typer.Argument(metavar="SEQ", help="Number of the event.")]) -> None:
    """Show one event with its data and hashes."""
    context = cli_context(ctx)
    context.output.record(event_view(context.events.find(seq)))
