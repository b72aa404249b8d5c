"""`lback db adopt`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.db.status import show_status


@command(examples=("lback db adopt --database-url sqlite:////srv/app/app.db",))
def adopt(ctx: typer.Context) -> None:
    """Adopt the database of an lback framework application: add lback's tables, and change no other.

    If lback cannot work with a table or column, all such problems are listed, nothing is changed, and the exit code
    is 9.
    """
    context = cli_context(ctx)
    found = context.schema.adopt()
    done = "already has lback's tables" if found is None else "is adopted"
    context.output.message(f"{context.unchecked_database.name} {done}.")
    for warning in () if found is None else found.warnings:
        context.output.warning(f"{warning}.")
    if found is not None and not context.settings.compat.lback_framework:
        context.output.notice("While the application runs, set [compat] lback_framework = true: see docs/adoption.md.")
    show_status(context, asked=False)
