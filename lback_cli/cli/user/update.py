"""`lback user update`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_group
from lback_cli.cli.context import cli_context
from lback_cli.cli.password_input import AskPassword, FromFile, FromStdin, Generated, PasswordSource
from lback_cli.cli.user.arguments import UserArgument
from lback_cli.cli.user.attributes import SetAttributes, assigned
from lback_cli.cli.user.changes import change_user
from lback_cli.errors import UsageError


@command(
    examples={
        "Change the address": "lback user update alice --email alice@example.net",
        "Change the groups": "lback user update alice --add-group staff --remove-group guests",
        "Keep a user from logging in": "lback user update id:7 --deactivate",
        "Set one attribute and unset another": (
            "lback user update alice --set display_name='Alice Example' --set external_id="
        ),
        "Set a password": "lback user update alice --password-stdin < secret",
    },
)
def update(
    ctx: typer.Context,
    user: UserArgument,
    username: Annotated[str | None, typer.Option("--username", help="New user name.", metavar="NAME")] = None,
    email: Annotated[
        str | None,
        typer.Option(
            "--email",
            help="New e-mail address. It becomes unverified, and is mailed a verification link.",
            metavar="ADDRESS",
        ),
    ] = None,
    active: Annotated[
        bool | None, typer.Option("--activate/--deactivate", help="Allow or forbid the user to log in.")
    ] = None,
    verified: Annotated[
        bool | None, typer.Option("--verified/--unverified", help="Mark the e-mail address as verified or unverified.")
    ] = None,
    add_group: Annotated[
        list[str] | None,
        typer.Option(
            "--add-group",
            help="Add the user to this group; repeatable.",
            metavar="GROUP",
            autocompletion=complete_group,
        ),
    ] = None,
    remove_group: Annotated[
        list[str] | None,
        typer.Option(
            "--remove-group",
            help="Remove the user from this group; repeatable.",
            metavar="GROUP",
            autocompletion=complete_group,
        ),
    ] = None,
    attributes: SetAttributes = None,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    generate_password: Generated = False,
    ask_password: AskPassword = False,
) -> None:
    """Update a user. Fields without an option stay unchanged."""
    context = cli_context(ctx)
    password = PasswordSource.optional(context, password_stdin, password_file, generate_password, ask_password)
    wanted = {
        "username": username,
        "email": email,
        "is_active": active,
        "is_email_verified": verified,
        "add_groups": add_group or None,
        "remove_groups": remove_group or None,
    }
    update_data: dict[str, object] = {name: value for name, value in wanted.items() if value is not None}
    update_data |= assigned(attributes)
    if not update_data and password is None:
        raise UsageError("There is nothing to change.", hint="lback user update --help lists the options.")
    change_user(context, user, update_data, password=password)
