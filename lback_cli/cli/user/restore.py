"""`lback user restore`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.sets.plan import Plan


@command(
    examples={
        "Name the deleted user": "lback user restore alice",
        "Restore the user under another name, as the old one is taken": (
            "lback user restore id:7 --username alice2 --email alice2@example.org"
        ),
    },
)
def restore(
    ctx: typer.Context,
    user: Annotated[
        str, typer.Argument(metavar="USER", help="User name or e-mail address before the deletion, or id:N.")
    ],
    username: Annotated[
        str | None, typer.Option("--username", help="Another user name, if the old one is taken.", metavar="NAME")
    ] = None,
    email: Annotated[
        str | None,
        typer.Option("--email", help="Another e-mail address, which is then unverified.", metavar="ADDRESS"),
    ] = None,
    plan: Plan = False,
) -> None:
    """Restore a deleted user, with the same id, password and groups. 'lback user list --deleted' shows all.

    Groups that are gone are named, with exit 8. No mail is sent.
    """
    context = cli_context(ctx)
    found = context.kept_users.restorable(user, username=username, email=email)
    with context.planned(plan):
        restored = context.users.restore_user(found.user)
        context.output.message(f"Restored {restored.username}.")
        context.show_user(restored.id, outcome="restored")
    if found.missing_groups:
        context.output.notice(f"These groups are gone: {', '.join(found.missing_groups)}.")
        raise typer.Exit(ExitCode.PARTLY_FAILED)
