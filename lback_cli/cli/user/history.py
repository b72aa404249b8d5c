"""`lback user history`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.serializers import EVENT_TABLE
from lback_cli.cli.user.arguments import UserArgument


@command(examples=("lback user history alice", "lback user history id:7 -o jsonl"))
def history(
    ctx: typer.Context,
    user: UserArgument,
    limit: Annotated[int, typer.Option("--limit", help="Maximum number of events; 0 means all.", min=0)] = 50,
) -> None:
    """List the events of a user, who may be deleted, newest first."""
    from lback_cli.events.export import EVENT_COLUMNS, event_view

    context = cli_context(ctx)
    query = context.events.query(user=user, newest_first=True, limit=limit or None)
    with context.events.select(query) as events:
        context.output.records(map(event_view, events), EVENT_COLUMNS, brief=EVENT_TABLE)
