"""`lback user show`."""

import typer

from lback_cli.cli.as_of import AsOf, show_past_user
from lback_cli.cli.command_group import command
from lback_cli.cli.completion import user_fields
from lback_cli.cli.context import cli_context
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Name the user": "lback user show alice",
        "Show the user with an id to a program": "lback user show id:7 -o json",
        "Give a script the address": "lback user show alice --fields email -o value",
        "Show the user as at a moment": "lback user show alice --as-of 2026-01-31T12:00Z",
    },
    fields=user_fields,
)
def show(ctx: typer.Context, user: UserArgument, as_of: AsOf = None) -> None:
    """Show one user."""
    context = cli_context(ctx)
    if as_of is not None:
        show_past_user(context, user, as_of)
        return
    context.output.record(context.user_view(context.directory.find_user(user)))
