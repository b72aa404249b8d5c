"""`lback group show`."""

import typer

from lback_cli.cli.as_of import AsOf, show_past_group
from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.output.serializers import GROUP_COLUMNS, group_view


@command(
    examples={
        "Name the group": "lback group show staff",
        "Give a script the number of members": "lback group show staff --fields members -o value",
        "Show the group as it was a week ago": "lback group show staff --as-of 7d",
    },
    fields=GROUP_COLUMNS,
)
def show(ctx: typer.Context, name: Existing, as_of: AsOf = None) -> None:
    """Show one group. `lback group members` lists its members."""
    context = cli_context(ctx)
    if as_of is not None:
        show_past_group(context, name, as_of)
        return
    context.output.record(group_view(*context.directory.find_group(name)))
