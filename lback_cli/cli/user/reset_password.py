"""`lback user reset-password`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_user
from lback_cli.cli.context import cli_context
from lback_cli.cli.password_input import STDIN, FromFile, FromStdin, Generated, PasswordSource, read_token
from lback_cli.cli.sets.plan import Plan
from lback_cli.errors import UsageError


@command(
    examples={
        "Generate a password, and show it once": "lback user reset-password alice --generate-password",
        "Use a mailed token instead of naming the user": (
            "lback user reset-password --token - --password-file new < token"
        ),
    },
)
def reset_password(
    ctx: typer.Context,
    user: Annotated[
        str | None,
        typer.Argument(metavar="USER", help="User name, e-mail address or id:N.", autocompletion=complete_user),
    ] = None,
    token: Annotated[
        str | None,
        typer.Option(
            "--token",
            help="The token of a mailed reset link, in place of USER; - reads it from standard input.",
            metavar="TOKEN",
        ),
    ] = None,
    plan: Plan = False,
    password_stdin: FromStdin = False,
    password_file: FromFile = None,
    generate_password: Generated = False,
) -> None:
    """Set a new password, for USER or with a mailed token."""
    context = cli_context(ctx)
    if (user is None) == (token is None):
        raise UsageError("Name either a USER or a --token.")
    if token == STDIN and password_stdin:
        raise UsageError("Token and password cannot both come from standard input.", hint="Use --password-file.")
    password = PasswordSource(context, password_stdin, password_file, generate_password)
    if not plan:
        password.prefetch()  # before the imports, which take as long as the hash
    from lback_cli.cli.user.mail_wording import with_mail
    from lback_cli.operations.attempts import AttemptState

    done = AttemptState()
    with context.planned(plan):
        if token is not None:
            changed = context.users.reset_password(read_token(token), password.read(), effects=done)
        else:
            user_id = context.resolve_id(str(user))
            changed = context.users.reset_user_password(user_id, password.for_user(user_id), effects=done)
        context.output.message(with_mail(f"{changed.username} has a new password", done))
        context.show_user(changed.id, outcome="updated", **({} if plan else password.extra))
