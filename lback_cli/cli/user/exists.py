"""`lback user exists`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Check a name in a script": "lback user exists alice && echo taken",
    }
)
def exists(ctx: typer.Context, user: UserArgument) -> None:
    """Check whether a user exists. Exit 0 if so, 5 if not."""
    context = cli_context(ctx)
    found = context.directory.exists(user)
    context.output.report({"user": user, "exists": found})
    if not found:
        raise typer.Exit(ExitCode.NOT_FOUND)
