"""`lback config`: the settings in force."""

from pathlib import Path

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.global_options import runtime
from lback_cli.settings.load import user_config_file
from lback_cli.settings.masking import describe_settings

app = CommandGroup("config", "Show the configuration and where it comes from.")


@app.command("show", examples=("lback config show", "lback config show -o json"))
def show(ctx: typer.Context) -> None:
    """List every key with its value and where that comes from; secrets are masked."""
    run = runtime(ctx)
    views = ({"key": item.key, "value": item.value, "source": item.source} for item in describe_settings(run.settings))
    run.output.records(views, ("key", "value", "source"))


@app.command("path", examples=("lback config path",))
def path(ctx: typer.Context) -> None:
    """Tell which configuration file is read, and which are looked for."""
    run = runtime(ctx)
    run.output.record(
        {
            "read": None if run.settings.config_file is None else str(run.settings.config_file.absolute()),
            "here": str(Path("config.toml").absolute()),
            "yours": str(user_config_file()),
        }
    )
