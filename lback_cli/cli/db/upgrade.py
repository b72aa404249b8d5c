"""`lback db upgrade`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.db.status import show_status


@command(
    examples={
        "Prepare the configured database at each deployment": "lback db upgrade",
    }
)
def upgrade(ctx: typer.Context) -> None:
    """Bring the tables to the version that this lback needs. In an empty database, create them as `db init` does."""
    context = cli_context(ctx)
    before = context.schema.upgrade()
    done = {"current": "is up to date", "older": "is upgraded"}.get(before.state, "is ready")
    context.output.message(f"{context.unchecked_database.name} {done}.")
    show_status(context, asked=False)
