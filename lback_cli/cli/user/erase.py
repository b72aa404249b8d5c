"""`lback user erase`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.prompts import confirm
from lback_cli.cli.user.arguments import UserArgument


@command(examples=("lback user erase alice", "lback user erase id:7 --yes"))
def erase(
    ctx: typer.Context,
    user: UserArgument,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
) -> None:
    """Delete a user and erase the personal data from all past events. The event log still verifies."""
    context = cli_context(ctx)
    confirm(f"Erase {user} and all personal data in the event log? This cannot be undone.", yes=yes)
    erasure = context.events.erase_user(user, context.users)
    context.output.message(f"Erased {user}. Events erased: {erasure.events}, and {erasure.mentions} of others.")
    if not erasure.scrubbed:
        context.output.warning(
            "The database file still contains deleted data, because it is in use or the disk is full.",
            hint="Run later: sqlite3 FILE 'VACUUM; PRAGMA wal_checkpoint(TRUNCATE)'",
        )
    context.output.report(
        {"id": erasure.user_id, "events": erasure.events, "mentions": erasure.mentions, "erased": True}
    )
