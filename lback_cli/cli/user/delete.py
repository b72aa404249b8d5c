"""`lback user delete`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.prompts import confirm
from lback_cli.cli.user.arguments import UserArgument


@command(examples=("lback user delete alice", "lback user delete id:7 --yes"))
def delete(
    ctx: typer.Context,
    user: UserArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a user with all memberships and tokens. This cannot be undone."""
    context = cli_context(ctx)
    user_id = context.directory.resolve_id(user)
    confirm(f"Delete user {user}?", yes=yes)
    context.users.delete_user(user_id)
    context.output.message(f"Deleted {user}.")
    context.show_outcome({"id": user_id, "deleted": True}, "deleted")
