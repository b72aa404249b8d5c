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
    from lback_cli.cli.user.mail_wording import mail_sentence
    from lback_cli.operations.attempts import AttemptState

    context = cli_context(ctx)
    done = AttemptState()
    email = context.directory.resolve_email(user)
    context.users.reset_password_request(email, effects=done)
    context.output.message(mail_sentence(done))
    context.output.report({"email": email, "requested": True})
