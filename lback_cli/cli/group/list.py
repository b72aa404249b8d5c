"""`lback group list`."""

import typer

from lback_cli.cli.as_of import AsOf, list_past_groups
from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.serializers import GROUP_COLUMNS, GROUP_TABLE, group_view


@command(
    examples={
        "List all groups": "lback group list",
        "Show the groups as JSON": "lback group list -o json",
        "List the groups as they were at the end of a day": "lback group list --as-of 2026-01-31",
        "Give a script the names and sizes": "lback group list --fields name,members -o value",
    },
    fields=GROUP_COLUMNS,
)
def list_groups(ctx: typer.Context, as_of: AsOf = None) -> None:
    """List all groups and the number of their members."""
    context = cli_context(ctx)
    if as_of is not None:
        list_past_groups(context, as_of)
        return
    views = (group_view(group, members) for group, members in context.directory.list_groups())
    context.output.records(views, GROUP_COLUMNS, brief=GROUP_TABLE, empty="No groups.")
