"""`lback group list`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.serializers import GROUP_COLUMNS, GROUP_TABLE, group_view


@command(
    examples={
        "List all groups": "lback group list",
        "Show the groups as JSON": "lback group list -o json",
        "Give a script the names and sizes": "lback group list --fields name,members -o value",
    },
    fields=GROUP_COLUMNS,
)
def list_groups(ctx: typer.Context) -> None:
    """List all groups and the number of their members."""
    context = cli_context(ctx)
    views = (group_view(group, members) for group, members in context.directory.list_groups())
    context.output.records(views, GROUP_COLUMNS, brief=GROUP_TABLE, empty="No groups.")
