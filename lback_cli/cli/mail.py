"""`lback mail`: the mail transport."""

from typing import Annotated
from uuid import uuid4

import typer

from lback_cli.cli.commands import Noun
from lback_cli.cli.options import runtime

app = Noun("mail", "Try the mail settings.")


@app.verb("test", examples=("lback mail test you@example.org",))
def test(
    ctx: typer.Context, address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to send it.")]
) -> None:
    """Send a test mail with the configured transport."""
    run = runtime(ctx)
    email = run.services.canonical_email(address)
    run.services.mailer.send_test(email=email, key=uuid4().hex)
    settings = run.settings.email
    run.output.message(f"Sent a test mail to {email}.")
    run.output.record({"email": email, "transport": settings.transport, "sent": True})
