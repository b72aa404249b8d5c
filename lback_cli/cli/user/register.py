"""`lback user register`."""

from typing import Annotated, Any, Literal

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_group
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.output.prompts import ask, has_terminal
from lback_cli.cli.password_input import FromFile, FromStdin, Generated, Invited, PasswordSource
from lback_cli.cli.sets.plan import Plan
from lback_cli.cli.user.arguments import Username
from lback_cli.cli.user.attributes import SetAttributes, assigned
from lback_cli.cli.user.beside_application import announce_administrators, announce_spelling
from lback_cli.cli.user.changes import change_user
from lback_cli.errors import UsageError


@command(
    examples={
        "Ask for the password at the terminal": "lback user register alice --email alice@example.org",
        "Generate a password, and show it once": "lback user register bob --email bob@example.org --generate-password",
        "Mail the user a link that sets the password": "lback user register dan --email dan@example.org --invite",
        "Take the password from another program": (
            "pass eve | lback user register eve --email eve@example.org --password-stdin"
        ),
        "Register a member of a group, unless the name is taken": (
            "lback user register eve --email eve@example.org --group staff --if-exists skip"
        ),
        "Make a user as a script describes it, however often it runs": (
            "lback user register eve --email eve@example.org --invite --if-exists update"
        ),
        "Set an attribute": "lback user register fay --email fay@example.org --set external_id=4711",
    },
)
def register(
    ctx: typer.Context,
    username: Username,
    email: Annotated[
        str | None, typer.Option("--email", help="E-mail address. A terminal asks for it.", metavar="ADDRESS")
    ] = None,
    group: Annotated[
        list[str] | None,
        typer.Option(
            "--group",
            help="Also add the user to this group; repeatable.",
            metavar="GROUP",
            autocompletion=complete_group,
        ),
    ] = None,
    verified: Annotated[
        bool, typer.Option("--verified", help="Mark the e-mail address as verified, and send no mail.")
    ] = False,
    inactive: Annotated[bool, typer.Option("--inactive", help="Do not let the user log in yet.")] = False,
    if_exists: Annotated[
        Literal["fail", "skip", "update"],
        typer.Option(
            "--if-exists",
            help="If the user name is taken: fail with exit 6, skip with exit 0, or update the user as the options "
            "say, apart from the password.",
        ),
    ] = "fail",
    attributes: SetAttributes = None,
    plan: Plan = False,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    generate_password: Generated = False,
    invite: Invited = False,
) -> None:
    """Create a user, and mail a verification link."""
    context = cli_context(ctx)
    values = assigned(attributes, lambda: context.attributes)
    if if_exists == "update":
        existing = context.before_operation(lambda: context.directory.find_by_username(username), None)
        if existing is not None:
            with context.planned(plan):
                change_user(context, f"id:{existing.id}", _update(email, group, verified, inactive, values))
            return
    address = _address(context) if email is None else email
    password = PasswordSource(context, password_stdin, password_file, generate_password, invite=invite)
    announce_administrators(context, group or ())
    if if_exists != "skip" and not plan:
        password.prefetch()  # before the imports, which take as long as the hash
    from lback_cli.cli.user.mail_wording import with_mail
    from lback_cli.operations.attempts import AttemptState

    done = AttemptState()
    with context.planned(plan):
        created = context.users.register_user(
            username,
            address,
            password.for_new_user(username, address),
            groups=group or (),
            verified=verified,
            active=not inactive,
            attributes=values,
            if_exists="skip" if if_exists == "skip" else "fail",
            effects=done,
        )
        user = created or context.directory.find_user(username)
        registered = with_mail(f"Registered {user.username}", done)
        context.output.message(registered if created else f"{user.username} already exists: skipped.")
        if created is not None:
            announce_spelling(context, created, username, address)
        context.show_user(
            user.id, outcome="skipped" if created is None else "created", **({"id": None} if plan else password.extra)
        )


def _update(
    email: str | None, groups: list[str] | None, verified: bool, inactive: bool, attributes: dict[str, str]
) -> dict[str, Any]:
    """Return what the options change of a user who exists."""
    wanted = {
        "email": email,
        "add_groups": groups or None,
        "is_email_verified": verified or None,
        "is_active": False if inactive else None,
    }
    return {name: value for name, value in wanted.items() if value is not None} | attributes


def _address(context: CliContext) -> str:
    """Return the address that the person at the terminal enters."""
    if not has_terminal():
        raise UsageError("Missing option '--email'.", hint="lback user register --help shows the usage.")
    return ask("E-mail address", context.dependencies.canonical_email)
