"""`lback group create`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Name
from lback_cli.cli.output.prompts import IfExists
from lback_cli.cli.output.serializers import group_view
from lback_cli.cli.sets.plan import Plan


@command(
    examples={
        "Create a group with a description": "lback group create staff --description 'Employees'",
    }
)
def create(
    ctx: typer.Context,
    name: Name,
    description: Annotated[
        str | None, typer.Option("--description", help="What the group is for.", metavar="TEXT")
    ] = None,
    if_exists: IfExists = "fail",
    plan: Plan = False,
) -> None:
    """Create a group."""
    context = cli_context(ctx)
    with context.planned(plan):
        created = context.groups.create_group(name, description=description, if_exists=if_exists)
        group, members = context.directory.find_group(name) if created is None else (created, 0)
        done = (
            f"The group {group.name} exists already: skipped."
            if created is None
            else f"Created the group {group.name}."
        )
        context.output.message(done)
        context.show_outcome(group_view(group, members), "skipped" if created is None else "created")
