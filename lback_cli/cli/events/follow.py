"""`lback events follow`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import MORE_FIELDS, ActorOption, Signals, UserOption, brief_fields, shown_events
from lback_cli.events.export import EVENT_COLUMNS

_TAIL = 10
"""Past events at the beginning of a table."""


@command(
    examples={
        "Show new events until Ctrl-C": "lback events follow",
        "Show failed logins as JSON Lines": "lback events follow -o jsonl --signal user_authentication_failed",
    },
    fields=(*EVENT_COLUMNS, *MORE_FIELDS),
)
def follow(
    ctx: typer.Context,
    signals: Signals = None,
    user: UserOption = None,
    by: ActorOption = None,
    after: Annotated[
        int | None,
        typer.Option("--after", help="Start after event SEQ. The default is the end of the log.", metavar="SEQ"),
    ] = None,
) -> None:
    """Show new events of all processes as soon as they are committed, until interrupted.

    A table begins with the last ten events.
    """
    context = cli_context(ctx)
    query = context.events.query(signals=signals or (), user=user, actor=by, after=after)
    tail = _TAIL if context.output.format.for_people else 0
    brief = brief_fields(context)
    events = shown_events(context, context.events.follow(query, tail=tail), brief=brief)
    context.output.stream(events, EVENT_COLUMNS, brief=brief, more=MORE_FIELDS)
