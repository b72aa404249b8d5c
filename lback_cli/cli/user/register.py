"""`lback user register`."""

from typing import Annotated, Literal

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_group
from lback_cli.cli.context import cli_context
from lback_cli.cli.password_input import FromFile, FromStdin, Generated, PasswordSource
from lback_cli.cli.user.arguments import Username
from lback_cli.cli.user.attributes import SetAttributes, assigned


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
        bool, typer.Option("--verified", help="Mark the e-mail address as verified; no mail is sent.")
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
    from lback_cli.cli.user.mail_wording import with_mail
    from lback_cli.operations.attempts import AttemptState

    context = cli_context(ctx)
    done = AttemptState()
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
        effects=done,
    )
    user = created or context.directory.find_user(username)
    registered = with_mail(f"Registered {user.username}", done)
    context.output.message(registered if created else f"{user.username} already exists: skipped.")
    context.show_user(user.id, outcome="skipped" if created is None else "created", **password.extra)
