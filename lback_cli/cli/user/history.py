"""`lback user history`."""

from collections.abc import Iterable
from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.format import Record
from lback_cli.cli.output.serializers import HISTORY_TABLE
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Show the newest events": "lback user history alice",
        "Show the events of a deleted user as JSON Lines": "lback user history id:7 -o jsonl",
    }
)
def history(
    ctx: typer.Context,
    user: UserArgument,
    limit: Annotated[int, typer.Option("--limit", help="Maximum number of events; 0 means all.", min=0)] = 50,
) -> None:
    """Show what happened to a user, newest first. The user may be deleted."""
    from lback_cli.events.export import EVENT_COLUMNS, shown_event
    from lback_cli.events.wording import with_repetitions_folded

    context = cli_context(ctx)
    query = context.events.query(user=user, newest_first=True, limit=limit or None)
    with context.events.select(query) as events:
        shown: Iterable[Record] = map(shown_event, events)
        if context.output.format.for_people:
            shown = with_repetitions_folded(shown)
        context.output.records(shown, EVENT_COLUMNS, brief=HISTORY_TABLE)
