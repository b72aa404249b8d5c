"""`lback user update`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_group
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.prompts import IfMissing, Yes
from lback_cli.cli.password_input import AskPassword, FromFile, FromStdin, Generated, PasswordSource
from lback_cli.cli.sets.options import MaxShare, Users, Where, is_skipped, refuse_for_sets, select_users, single_user
from lback_cli.cli.sets.plan import Plan
from lback_cli.cli.user.attributes import SetAttributes, assigned
from lback_cli.cli.user.changes import change_user, change_users
from lback_cli.errors import UsageError


@command(
    examples={
        "Change the address": "lback user update alice --email alice@example.net",
        "Change the groups": "lback user update alice --add-group staff --remove-group guests",
        "Keep a user from logging in": "lback user update id:7 --deactivate",
        "Set one attribute and unset another": (
            "lback user update alice --set display_name='Alice Example' --set external_id="
        ),
        "Deactivate several users": "lback user update alice bob --deactivate --yes",
        "Deactivate all who have not logged in for a year": (
            "lback user update --where active --where last-login-before=365d --deactivate"
        ),
        "Set a password": "lback user update alice --password-stdin < secret",
    },
)
def update(
    ctx: typer.Context,
    users: Users = None,
    where: Where = None,
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
    if_missing: IfMissing = "fail",
    plan: Plan = False,
    yes: Yes = False,
    max_share: MaxShare = None,
) -> None:
    """Update a user, or several. Fields without an option stay unchanged.

    Several users, or those that --where selects, are confirmed by a question. Each is an operation of its own with a
    result of its own; exit 8 if some fail.
    """
    context = cli_context(ctx)
    user = single_user(users, where)
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
    update_data |= assigned(attributes, lambda: context.attributes)
    if not update_data and password is None:
        raise UsageError("There is nothing to change.", hint="lback user update --help lists the options.")
    if user is not None:
        if not is_skipped(context, user, if_missing):
            with context.planned(plan):
                change_user(context, user, update_data, password=password)
        return
    refuse_for_sets({"--username": username, "--email": email, "A password": password})
    chosen = select_users(context, users, where)
    with context.planned(plan):
        change_users(context, chosen, update_data, if_missing=if_missing, yes=yes or plan, max_share=max_share)
