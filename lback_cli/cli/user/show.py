"""`lback user show`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Name the user": "lback user show alice",
        "Show the user with id 7 as JSON": "lback user show id:7 -o json",
    }
)
def show(ctx: typer.Context, user: UserArgument) -> None:
    """Show one user."""
    context = cli_context(ctx)
    context.show_user(context.directory.find_user(user))
