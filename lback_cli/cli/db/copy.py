"""`lback db copy`."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.db.copy_progress import CopyProgress


@command(
    examples={
        "Move to PostgreSQL": "lback db copy --to postgresql+psycopg://app@db/app --to-password-file pw",
        "Copy to a SQLite file": "lback db copy --to sqlite:////srv/app/users.db",
    },
)
def copy(
    ctx: typer.Context,
    to: Annotated[
        str,
        typer.Option("--to", help="URL of the target, a database that is empty or does not exist yet.", metavar="URL"),
    ],
    to_password_file: Annotated[
        Path | None, typer.Option("--to-password-file", help="File with the password of the target.", metavar="PATH")
    ] = None,
) -> None:
    """Copy users, groups and all other data of lback to another database, and verify the copy.

    First stop everything that writes to the source. The copy does not change the source. If another process changes
    it during the copy, the exit code is 9.

    Ids are kept. To continue an interrupted copy, run the same command again.
    """
    context = cli_context(ctx)
    copying = context.copy_to(to, to_password_file, partial(CopyProgress, context))
    context.warn_of_password("--to", to, "Use --to-password-file instead.")
    copied = copying.run()
    context.output.message("Everything was copied. The rows and the event logs agree.")
    context.output.message("To use the copy, set database.url to it.")
    for column in copied.left_out:
        context.output.warning(f"{column} is the application's own and was not copied.")
    context.output.record(
        {
            "users": copied.rows["users"],
            "groups": copied.rows["groups"],
            "memberships": copied.rows["user_groups_association"],
            "tokens": copied.rows["lback_tokens"],
            "imports": copied.rows["lback_import_jobs"],
            "queued_mails": copied.rows["lback_mail_queue"],
            "sinks": copied.rows["lback_sinks"],
            "events": copied.events,
            "copied_before": copied.copied_before,
            "hash": copied.hash,
            "digest": copied.digest,
        }
    )
