"""`lback events list`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import (
    DEFAULT_LIMIT,
    MORE_FIELDS,
    ActorOption,
    Changed,
    Group,
    Invocation,
    Limit,
    Operation,
    Outcome,
    Signals,
    Since,
    Until,
    UserOption,
    brief_fields,
    shown_events,
)
from lback_cli.events.export import EVENT_COLUMNS


@command(
    examples={
        "List the failed logins of a week": "lback events list --since 7d --signal user_authentication_failed",
        "Show the events about a user as JSON": "lback events list --user alice -o json",
        "List who joined or left a group": "lback events list --changed groups --group admin",
        "List the failures of the last hour": "lback events list --outcome failed --since 1h",
        "Read the next page": "lback events list --before 4711",
        "List what was done, and by whom": "lback events list --since 1d --fields time,actor,subject,what",
    },
    fields=(*EVENT_COLUMNS, *MORE_FIELDS),
)
def list_events(
    ctx: typer.Context,
    signals: Signals = None,
    outcome: Outcome = None,
    changed: Changed = None,
    group: Group = None,
    user: UserOption = None,
    by: ActorOption = None,
    invocation: Invocation = None,
    operation: Operation = None,
    since: Since = None,
    until: Until = None,
    before: Annotated[
        int | None, typer.Option("--before", help="Only events before event SEQ, to get the next page.", metavar="SEQ")
    ] = None,
    limit: Limit = None,
) -> None:
    """List events, newest first."""
    context = cli_context(ctx)
    wanted = context.output.default_limit(DEFAULT_LIMIT) if limit is None else limit or None
    query = context.events.query(
        signals=signals or (),
        outcome=outcome,
        changed=changed,
        group=group,
        user=user,
        actor=by,
        invocation_id=invocation,
        operation_id=operation,
        since=since,
        until=until,
        before=before,
        newest_first=True,
        limit=wanted,
    )
    with context.events.listing(query) as events:
        brief = brief_fields(context)
        shown = shown_events(context, events, brief=brief)
        context.output.records(shown, EVENT_COLUMNS, brief=brief, more=MORE_FIELDS, empty="No events match.")
        if events.next_before is not None:
            context.output.limited("events", wanted, events.count, next_page=f"--before {events.next_before}")
