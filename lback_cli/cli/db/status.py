"""`lback db status`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context


@command(
    examples={
        "Show the state as JSON": "lback db status -o json",
    }
)
def status(ctx: typer.Context) -> None:
    """Show the database and the version of its tables. Exit 9 if lback cannot use them."""
    context = cli_context(ctx)
    show_status(context)
    context.schema.require()
    _warn_without_compatibility(context)


def _warn_without_compatibility(context: CliContext) -> None:
    from lback_cli.database.introspection.adoption import COMPATIBILITY_IS_OFF, is_adopted

    if context.settings.compat.lback_framework:
        return
    with context.unchecked_database.reading() as session:
        adopted = is_adopted(session.connection())
    if adopted:
        context.output.warning(COMPATIBILITY_IS_OFF.message, hint=COMPATIBILITY_IS_OFF.hint)


def show_status(context: CliContext, *, asked: bool = True) -> None:
    """Show the database and its state. If the user has not *asked* for it, quiet output leaves it out."""
    status = context.schema.status()
    record: dict[str, object] = {
        "database": context.unchecked_database.name,
        "backend": context.unchecked_database.url.get_backend_name(),
        "state": status.state,
        "revision": status.revision,
        "needed": status.needed,
    }
    if status.state == "foreign":
        found = context.schema.check_adoptable()
        record |= {"adoptable": found.adoptable, "errors": found.errors, "warnings": found.warnings}
    show = context.output.record if asked else context.output.report
    show(record)
