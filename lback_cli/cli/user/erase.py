"""`lback user erase`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.prompts import confirm_severe
from lback_cli.cli.user.arguments import UserArgument


@command(
    examples={
        "Ask for the user name first": "lback user erase alice",
        "Confirm in a script": "lback user erase id:7 --confirm=alice",
    }
)
def erase(
    ctx: typer.Context,
    user: UserArgument,
    confirmation: Annotated[
        str | None,
        typer.Option("--confirm", help="Confirm with the user name, instead of being asked for it.", metavar="NAME"),
    ] = None,
) -> None:
    """Delete a user and the personal data in past events. The event log still verifies."""
    context = cli_context(ctx)
    name = context.events.name_of(user)
    question = f"Erase {name} and all personal data in the event log? This cannot be undone."
    confirm_severe(question, "the user name", (name,), given=confirmation)
    erasure = context.events.erase_user(user, context.users)
    context.output.message(f"Erased {name}. Events erased: {erasure.events}, and {erasure.mentions} of others.")
    if not erasure.scrubbed:
        context.output.warning(
            "The database file still contains deleted data, because it is in use or the disk is full.",
            hint="Run later: sqlite3 FILE 'VACUUM; PRAGMA wal_checkpoint(TRUNCATE)'",
        )
    context.show_outcome(
        {"id": erasure.user_id, "events": erasure.events, "mentions": erasure.mentions, "erased": True}, "deleted"
    )
