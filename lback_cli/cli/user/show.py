"""`lback user show`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import user_fields
from lback_cli.cli.context import cli_context
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples=(
        "lback user show alice",
        "lback user show id:7 -o json",
        "lback user show alice --fields email,last_login -o value",
    ),
    fields=user_fields,
)
def show(ctx: typer.Context, user: UserArgument) -> None:
    """Show one user."""
    context = cli_context(ctx)
    context.output.record(context.user_view(context.directory.find_user(user)))
