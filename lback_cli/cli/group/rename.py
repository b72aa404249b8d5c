"""`lback group rename`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.output.serializers import group_view
from lback_cli.cli.sets.plan import Plan


@command(
    examples={
        "Rename a group": "lback group rename staff employees",
    }
)
def rename(
    ctx: typer.Context,
    name: Existing,
    new_name: Annotated[str, typer.Argument(metavar="NEW", help="The new name.")],
    plan: Plan = False,
) -> None:
    """Give a group another name. Its members stay."""
    context = cli_context(ctx)
    before, members = context.directory.find_group(name)
    with context.planned(plan):
        group = context.groups.rename_group(before.name, new_name)
        changed = group.name != before.name
        done = f"Renamed the group {before.name} to {group.name}." if changed else f"{before.name} is unchanged."
        context.output.message(done)
        context.show_outcome(group_view(group, members), "updated" if changed else "unchanged")
