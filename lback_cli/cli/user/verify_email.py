"""`lback user verify-email`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.password_input import read_token
from lback_cli.cli.sets.plan import Plan
from lback_cli.cli.user.arguments import Token


@command(
    examples={
        "Use the token of the mailed link": "lback user verify-email 3q2-7wW0...",
        "Read the token from a file, which keeps it out of the list of processes": "lback user verify-email - < token",
    }
)
def verify_email(ctx: typer.Context, token: Token, plan: Plan = False) -> None:
    """Verify the e-mail address that the token was sent to."""
    from lback_cli.operations.attempts import AttemptState

    context = cli_context(ctx)
    done = AttemptState()
    with context.planned(plan):
        user = context.users.verify_user_email(read_token(token), effects=done)
        context.output.message(f"{user.email} {'is' if done.changes else 'was already'} verified.")
        context.show_user(user.id, outcome="updated" if done.changes else "unchanged")
