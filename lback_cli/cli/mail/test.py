"""`lback mail test`."""

from typing import Annotated
from uuid import uuid4

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context


@command(
    examples={
        "Send a mail to yourself": "lback mail test you@example.org",
        "Ask the mail server whether it would take one": "lback mail test you@example.org --no-send",
    }
)
def test(
    ctx: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="E-mail address to send it to.")],
    no_send: Annotated[bool, typer.Option("--no-send", help="Go as far as the recipient, and send nothing.")] = False,  # noqa: PT028
) -> None:
    """Send a test mail at once, even if mail is otherwise queued."""
    from lback_cli.cli.user.mail_wording import short_path
    from lback_cli.mail.transports import actual_transport

    context = cli_context(ctx)
    email = context.dependencies.canonical_email(address)
    mailer = context.dependencies.mailer
    file = None
    if no_send:
        context.output.message(f"A mail to {email} would be accepted by {mailer.check(email)}.")
    else:
        file = mailer.send_test(email=email, key=uuid4().hex)
    written = None if file is None else f"Wrote a test mail to {short_path(file)} (transport: file)."
    context.output.message("" if no_send else written or f"Sent a test mail to {email}.")
    context.output.report(
        {
            "email": email,
            "transport": actual_transport(context.settings.email),
            "sent": file is None and not no_send,
            "file": None if file is None else str(file),
        }
    )
