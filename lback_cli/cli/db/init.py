"""`lback db init`."""

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.db.status import show_status


@command(
    examples={
        "Set up a SQLite file": "lback db init --database-url sqlite:////srv/app/users.db",
    }
)
def init(ctx: typer.Context) -> None:
    """Create the tables in an empty database. Existing tables are left as they are."""
    context = cli_context(ctx)
    before = context.schema.initialize()
    done = "already has its tables" if before.state == "current" else "is ready"
    context.output.message(f"{context.unchecked_database.name} {done}.")
    show_status(context, asked=False)
