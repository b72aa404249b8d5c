"""`lback group add`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.group.arguments import Existing
from lback_cli.cli.group.memberships import Users, show_memberships


@command(
    examples={
        "Add two users": "lback group add staff alice bob",
        "Show the result for each user as JSON": "lback group add staff id:7 -o json",
    }
)
def add(ctx: typer.Context, name: Existing, users: Users) -> None:
    """Add users to a group; exit 8 if some fail. Each is an operation of its own."""
    context = cli_context(ctx)
    results = context.memberships.add(name, users)
    show_memberships(context, results, done=f"added to {name}", already="already a member")
