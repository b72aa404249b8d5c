"""`lback user request-password-reset`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Name the user": "lback user request-password-reset alice",
        "Name the address": "lback user request-password-reset alice@example.org",
    },
)
def request_password_reset(ctx: typer.Context, user: UserArgument) -> None:
    """Mail a user a link that resets the password. Older links stop working."""
    context = cli_context(ctx)
    email = context.directory.resolve_email(user)
    context.users.reset_password_request(email)
    context.output.message(f"{context.mail_verb} a reset link to {email}.")
    context.output.record({"email": email, "requested": True})
