"""`lback user history`."""

from collections.abc import Iterable

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import DEFAULT_LIMIT, MORE_FIELDS, Limit, shown_events
from lback_cli.cli.output.format import Record
from lback_cli.cli.output.serializers import HISTORY_TABLE
from lback_cli.cli.user.arguments import UserArgument
from lback_cli.events.export import EVENT_COLUMNS


@command(
    examples={
        "Show the newest events": "lback user history alice",
        "Show the events of a deleted user as JSON Lines": "lback user history id:7 -o jsonl",
        "Write them to a spreadsheet": "lback user history alice --fields time,what,actor -o csv",
    },
    fields=(*EVENT_COLUMNS, *MORE_FIELDS),
)
def history(ctx: typer.Context, user: UserArgument, limit: Limit = None) -> None:
    """Show what happened to a user, newest first. The user may be deleted."""
    from lback_cli.events.wording import with_repetitions_folded

    context = cli_context(ctx)
    wanted = context.output.default_limit(DEFAULT_LIMIT) if limit is None else limit or None
    with context.events.listing(context.events.query(user=user, newest_first=True, limit=wanted)) as events:
        shown: Iterable[Record] = shown_events(context, events, brief=HISTORY_TABLE)
        if context.output.format.for_people:
            shown = with_repetitions_folded(shown)
        context.output.records(shown, EVENT_COLUMNS, brief=HISTORY_TABLE, more=MORE_FIELDS, empty="No events match.")
        if events.next_before is not None:
            context.output.limited("events", wanted, events.count)
