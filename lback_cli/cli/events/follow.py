"""`lback events follow`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import ActorOption, Signal, UserOption
from lback_cli.cli.output.serializers import EVENT_TABLE
from lback_cli.events.export import event_view


@command(examples=("lback events follow", "lback events follow -o jsonl --signal user_authentication_failed"))
def follow(
    ctx: typer.Context,
    signal: Signal = None,
    user: UserOption = None,
    by: ActorOption = None,
    after: Annotated[
        int | None,
        typer.Option("--after", help="Start after this event. The default is the end of the log.", metavar="SEQ"),
    ] = None,
) -> None:
    """Show new events of all processes as they are committed, until interrupted."""
    context = cli_context(ctx)
    query = context.events.query(signal=signal, user=user, actor=by, after=after)
    context.output.stream(map(event_view, context.events.follow(query)), EVENT_TABLE)
