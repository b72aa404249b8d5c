"""`lback events summary`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.events.summary import KINDS, By


@command(
    examples={
        "Show the last two weeks": "lback events summary",
        "Show at which hours of the day logins fail": "lback events summary --by hour",
        "Show a month for a spreadsheet": "lback events summary --since 30d -o csv",
    }
)
def summary(
    ctx: typer.Context,
    since: Annotated[
        str,
        typer.Option(
            "--since",
            help="Only events from this time on: ISO 8601, yesterday, or an age such as 2h or 7d.",
            metavar="TIME",
        ),
    ] = "14d",
    by: Annotated[By, typer.Option("--by", help="A row for each day, weekday or hour of the day, in UTC.")] = "day",
) -> None:
    """Show registrations, logins and failures by day, weekday or hour, with totals."""
    context = cli_context(ctx)
    context.output.chart(context.events.summary(since, by).rows, label=by, kinds=KINDS)
