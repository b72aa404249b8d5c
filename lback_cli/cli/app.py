"""The command tree."""

from typing import Annotated

import typer

from lback_cli import __version__
from lback_cli.cli import config, db, group, mail, signals, user
from lback_cli.cli.exits import MEANINGS
from lback_cli.cli.options import LbackGroup

EPILOG = "Exit codes: " + " · ".join(f"{code.value} {meaning}" for code, meaning in MEANINGS.items())

app = typer.Typer(
    name="lback",
    cls=LbackGroup,
    help="Administer an application's users; every step announces itself through 22 documented signals.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for noun in (user, group, db, mail, signals, config):
    app.add_typer(noun.app)


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
