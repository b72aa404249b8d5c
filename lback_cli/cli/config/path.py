"""`lback config path`."""

from pathlib import Path

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.settings.config_files import NAME, user_config_file


@command(
    examples={
        "Show where the configuration is": "lback config path",
    }
)
def path(ctx: typer.Context) -> None:
    """Show which configuration file is read, and where lback looks for one."""
    context = cli_context(ctx)
    yours = user_config_file()
    paths = {
        "read": None if context.settings.config_file is None else str(context.settings.config_file.absolute()),
        "here": str(Path(NAME).absolute()),
        "yours": None if yours is None else str(yours),
    }
    if paths["read"] is None:
        context.output.message("There is no configuration file. To configure lback, create one of these.")
    context.output.record(paths)
