"""`lback config show`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.settings.masking import describe_settings

COLUMNS = ("key", "value", "source")


@command(
    examples={
        "Show each value and its source": "lback config show",
        "Show the settings as JSON": "lback config show -o json",
    },
    fields=COLUMNS,
)
def show(ctx: typer.Context) -> None:
    """List every key with its value and the source of the value. Secrets are masked."""
    context = cli_context(ctx)
    for_people = context.output.format.for_people
    views = (
        {"key": item.key, "value": item.text if for_people else item.value, "source": item.source}
        for item in describe_settings(context.settings, context.values_in_force)
    )
    context.output.records(views, COLUMNS)
