"""The command tree: `lback` itself, and where its nouns are."""

from typing import Annotated, Any

import typer

from lback_cli.cli.command_group import CONTEXT_SETTINGS, CommandGroup, LazyCommands
from lback_cli.cli.invocation import interruptions
from lback_cli.version import __version__

COMMANDS = {
    "user": "user:group",
    "group": "group:group",
    "events": "events:group",
    "report": "report:group",
    "undo": "undo:undo",
    "signals": "signals:group",
    "mail": "mail:group",
    "db": "db:group",
    "config": "config:group",
    "doctor": "doctor:doctor",
    "apply": "apply:apply",
    "run": "run:run",
    "completion": "shell.completion:completion",
    "help": "help:help_",
}
"""The groups and commands of `lback`, in the order of its help."""


class RootGroup(CommandGroup):
    """The commands of `lback`, as Typer makes the group: with the options of its callback."""

    def __init__(self, **attributes: Any) -> None:
        self.aliases = {}
        attributes["commands"] = LazyCommands(__package__, COMMANDS)
        super(CommandGroup, self).__init__(**attributes)

    def invoke(self, ctx: Any) -> Any:
        """Run the command, and keep an interruption, as Typer only returns its exit code."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as interruption:
            interruptions.append(interruption)
            raise


app = typer.Typer(
    name="lback",
    cls=RootGroup,
    help="Administer an application's users, with signals and a verifiable event log.",
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings=CONTEXT_SETTINGS,
)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"lback {__version__}")
        raise typer.Exit


@app.callback()
def lback(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Declare the options that only `lback` itself takes."""
