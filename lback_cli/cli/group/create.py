"""`lback group create`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Name
from lback_cli.cli.output.serializers import group_view


@command(examples=("lback group create staff --description 'Employees'",))
def create(
    ctx: typer.Context,
    name: Name,
    description: Annotated[
        str | None, typer.Option("--description", help="What the group is for.", metavar="TEXT")
    ] = None,
) -> None:
    """Create a group."""
    context = cli_context(ctx)
    group = context.groups.create_group(name, description=description)
    context.output.message(f"Created the group {group.name}.")
    context.show_outcome(group_view(group, 0), "created")
