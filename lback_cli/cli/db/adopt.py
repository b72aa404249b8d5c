"""`lback db adopt`."""

from pathlib import Path

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.db.status import show_status


@command(
    examples={
        "Adopt the database of an application": "lback db adopt --database-url sqlite:////srv/app/app.db",
    }
)
def adopt(ctx: typer.Context) -> None:
    """Add lback's tables to the database of an application built on the lback framework. No other table is changed.

    If lback cannot work with the application's tables, the command lists every problem, changes nothing, and ends
    with exit code 9.
    """
    from lback_cli.doctor.application import project_directories
    from lback_cli.doctor.migrations import advice, unprotected

    context = cli_context(ctx)
    found = context.schema.adopt()
    done = "already has lback's tables" if found is None else "is adopted"
    context.output.message(f"{context.unchecked_database.name} {done}.")
    for warning in () if found is None else found.warnings:
        context.output.warning(f"{warning}.")
    advise = unprotected if found is None else advice
    for problem in advise(project_directories(Path(), context.unchecked_database)):
        context.output.warning(problem.message, hint=problem.hint)
    context.warn_of_lost_log()
    if found is not None and not context.settings.compat.lback_framework:
        context.output.notice("While the application runs, set [compat] lback_framework = true: see docs/adoption.md.")
    show_status(context, asked=False)
