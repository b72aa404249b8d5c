"""`lback user resend-verification`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Name the user": "lback user resend-verification alice",
    }
)
def resend_verification(ctx: typer.Context, user: UserArgument) -> None:
    """Mail a new verification link. Older links stop working."""
    from lback_cli.cli.user.mail_wording import mail_sentence
    from lback_cli.operations.attempts import AttemptState

    context = cli_context(ctx)
    done = AttemptState()
    found = context.users.resend_verification(context.directory.resolve_id(user), effects=done)
    context.output.message(mail_sentence(done) or f"{found.email} is already verified.")
    context.show_user(found.id)
