"""`lback user unlock`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.prompts import IfMissing
from lback_cli.cli.sets.options import is_skipped
from lback_cli.cli.sets.plan import Plan
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Name the user": "lback user unlock alice",
    }
)
def unlock(ctx: typer.Context, user: UserArgument, if_missing: IfMissing = "fail", plan: Plan = False) -> None:
    """Unlock a user after too many failed logins.

    `max_failures` failed logins within `window` lock an account, until `window` is over. Both are keys of
    [authentication] in the configuration; `lback config show authentication` shows them.
    """
    context = cli_context(ctx)
    if is_skipped(context, user, if_missing):
        return
    found = context.directory.find_user(user)
    with context.planned(plan):
        was_locked = context.users.unlock_user(found.id)
        context.output.message(f"{found.username} is unlocked." if was_locked else f"{found.username} was not locked.")
        context.show_user(found.id, outcome="updated" if was_locked else "unchanged")
