"""`lback events export`."""

from typing import Annotated, Literal

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import ActorOption, Signals, Since, Until, UserOption
from lback_cli.events.export import cloud_event, event_view
from lback_cli.events.ocsf import ocsf_event

_VIEWS = {"lback": event_view, "cloudevents": cloud_event, "ocsf": ocsf_event}


@command(
    examples={
        "Write the whole log to a file": "lback events export > events.jsonl",
        "Write the logins of a day for a SIEM": "lback events export --format ocsf --since 1d",
        "Write the CloudEvents of a day": "lback events export --format cloudevents --since 1d | jq .type",
    },
)
def export(
    ctx: typer.Context,
    form: Annotated[
        Literal["lback", "cloudevents", "ocsf"],
        typer.Option("--format", help="lback's own format, which can be verified, CloudEvents 1.0 or OCSF 1.8.0."),
    ] = "lback",
    signals: Signals = None,
    user: UserOption = None,
    by: ActorOption = None,
    since: Since = None,
    until: Until = None,
    after: Annotated[int | None, typer.Option("--after", help="Only events after event SEQ.", metavar="SEQ")] = None,
) -> None:
    """Write events as JSON Lines, oldest first. Only a complete export can be verified."""
    context = cli_context(ctx)
    query = context.events.query(signals=signals or (), user=user, actor=by, since=since, until=until, after=after)
    with context.events.select(query) as events:
        context.output.json_lines(map(_VIEWS[form], events))
