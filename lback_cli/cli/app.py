"""The command tree. A noun's module is imported when one of its commands, or the help of all, is asked for."""

from importlib import import_module
from typing import Annotated, Any

import typer

from lback_cli import __version__
from lback_cli.cli.exit_codes import MEANINGS
from lback_cli.cli.global_options import LbackGroup

NOUNS = ("user", "group", "events", "signals", "mail", "db", "config")
"""The modules of this package that hold the commands on one kind of thing each, in the order of the help."""

VERBS = ("doctor",)
"""The modules that hold one command each, which is about all things."""

EPILOG = "Exit codes: " + " · ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items())


class RootGroup(LbackGroup):
    """The groups of commands, each built when it is needed: building all takes longer than most commands run."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - Typer's signature
        """The names of all nouns and verbs."""
        return [*NOUNS, *VERBS]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - Typer's signature
        """The commands of one noun, or one verb."""
        if cmd_name in (*NOUNS, *VERBS) and cmd_name not in self.commands:
            self.commands[cmd_name] = typer.main.get_command(import_module(f"lback_cli.cli.{cmd_name}").app)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the noun, and name the nearest where there is none: for that, all must be there."""
        if args[0] not in (*NOUNS, *VERBS):
            for name in (*NOUNS, *VERBS):
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)


app = typer.Typer(
    name="lback",
    cls=RootGroup,
    help="Administer an application's users; every step announces itself through 22 documented signals.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
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
    """Declare what only `lback` itself takes."""
