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
    context = cli_context(ctx)
    found = context.users.resend_verification(context.directory.resolve_id(user))
    context.output.message(
        f"{found.email} is already verified."
        if found.is_email_verified
        else f"{context.mail_verb} a link to {found.email}."
    )
    context.show_user(found.id)
