"""`lback user authenticate`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.password_input import FromFile, FromStdin, PasswordSource


@command(
    examples={
        "Ask for the password at the terminal": "lback user authenticate alice",
        "Check the password in a script": "lback user authenticate alice --password-stdin < secret && echo welcome",
    },
)
def authenticate(
    ctx: typer.Context,
    username: Annotated[str, typer.Argument(metavar="USERNAME", help="User name or e-mail address.")],
    allow_unverified: Annotated[
        bool, typer.Option("--allow-unverified", help="Accept a user whose e-mail address is not verified.")
    ] = False,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
) -> None:
    """Check a password; exit 4 if the user may not log in."""
    context = cli_context(ctx)
    password = PasswordSource(context, password_stdin, password_file, new=False)
    user = context.users.authenticate_user(username, password.read(username), allow_unverified=allow_unverified)
    context.output.message(f"{user.username} is authenticated.")
    context.show_user(user.id)
