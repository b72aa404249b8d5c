"""`lback group delete`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.output.prompts import confirm


@command(examples=("lback group delete guests --yes",))
def delete(
    ctx: typer.Context,
    name: Existing,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a group. Its members stay, and lose only this membership."""
    context = cli_context(ctx)
    group, members = context.directory.find_group(name)
    confirm(f"Delete the group {group.name} and its memberships ({members})?", yes=yes)
    context.groups.delete_group(group.name)
    context.output.message(f"Deleted the group {group.name}.")
    context.show_outcome({"id": group.id, "name": group.name, "deleted": True}, "deleted")
