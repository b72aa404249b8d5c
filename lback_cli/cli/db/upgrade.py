"""`lback db upgrade`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.db.status import show_status


@command(
    examples={
        "Upgrade the configured database": "lback db upgrade",
    }
)
def upgrade(ctx: typer.Context) -> None:
    """Migrate the tables of an older lback to the version that this lback needs."""
    context = cli_context(ctx)
    before = context.schema.upgrade()
    done = "is up to date" if before.state == "current" else "is upgraded"
    context.output.message(f"{context.unchecked_database.name} {done}.")
    show_status(context, asked=False)
