"""`lback user register`."""

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_group
from lback_cli.cli.context import cli_context
from lback_cli.cli.password_input import FromFile, FromStdin, Generated, PasswordSource
from lback_cli.cli.user.arguments import Username
from lback_cli.cli.user.attributes import SetAttributes, assigned

if TYPE_CHECKING:
    from lback_cli.models import User
    from lback_cli.repositories.user_reader import UserRecord


@command(
    examples=(
        "lback user register alice --email alice@example.org",
        "lback user register bob --email bob@example.org --generate-password",
        "pass eve | lback user register eve --email eve@example.org --password-stdin",
        "lback user register eve --email eve@example.org --group staff --if-exists skip",
        "lback user register fay --email fay@example.org --set external_id=4711",
    ),
)
def register(
    ctx: typer.Context,
    username: Username,
    email: Annotated[str, typer.Option("--email", help="E-mail address.", metavar="ADDRESS")],
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
        Literal["fail", "skip"],
        typer.Option("--if-exists", help="If the user name is taken: fail with exit 6, or skip with exit 0."),
    ] = "fail",
    attributes: SetAttributes = None,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    generate_password: Generated = False,
) -> None:
    """Create a user, and mail a link that verifies the e-mail address."""
    context = cli_context(ctx)
    password = PasswordSource(context, password_stdin, password_file, generate_password)
    if if_exists == "fail":
        password.prefetch()
    created = context.users.register_user(
        username,
        email,
        password.read,
        groups=group or (),
        verified=verified,
        active=not inactive,
        attributes=assigned(attributes),
        if_exists=if_exists,
    )
    user = created or context.directory.find_user(username)
    context.output.message(_registration_message(user, context.mail_verb, created=created is not None))
    context.show_user(user.id, outcome="skipped" if created is None else "created", **password.extra)


def _registration_message(user: "User | UserRecord", mail_verb: str, *, created: bool) -> str:
    if not created:
        return f"{user.username} already exists: skipped."
    if user.is_email_verified:
        return f"Registered {user.username}."
    return f"Registered {user.username}; {mail_verb.lower()} a verification link to {user.email}."
