"""`lback group remove`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.group.memberships import Members, show_memberships


@command(
    examples={
        "Remove two users": "lback group remove staff alice bob",
        "Show the result for each user as JSON": "lback group remove staff id:7 -o json",
    }
)
def remove(ctx: typer.Context, name: Existing, users: Members) -> None:
    """Remove users from a group; exit 8 if some fail. Each is an operation of its own."""
    context = cli_context(ctx)
    results = context.memberships.remove(name, users)
    show_memberships(context, results, done=f"removed from {name}", already="not a member")
