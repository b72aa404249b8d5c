"""`lback mail`: the mail transport, and mail that waits for it."""

from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.global_options import runtime
from lback_cli.cli.output.prompts import confirm
from lback_cli.errors import UsageError
from lback_cli.text.times import timestamp

if TYPE_CHECKING:
    from lback_cli.models import QueuedMail

app = CommandGroup("mail", "Try the mail settings, and send queued mail.")
queue = CommandGroup("queue", "Mail that was committed with a change and is not sent yet.")
app.add_typer(queue)

COLUMNS = ("id", "state", "template", "recipient", "tries", "last_error", "queued_at", "retry_at")

Ids = Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="Numbers of mails.")]
Dead = Annotated[bool, typer.Option("--dead", help="All that were given up.")]


@app.command("test", examples=("lback mail test you@example.org",))
def test(
    ctx: typer.Context, address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where to send it.")]
) -> None:
    """Send a test mail at once, with the transport that mail leaves by."""
    from lback_cli.mail.transports import actual_transport

    run = runtime(ctx)
    email = run.services.canonical_email(address)
    run.services.mailer.send_test(email=email, key=uuid4().hex)
    run.output.message(f"Sent a test mail to {email}.")
    run.output.record({"email": email, "transport": actual_transport(run.settings.email), "sent": True})


@app.command("deliver", examples=("lback mail deliver", "lback mail deliver --once -q"))
def deliver(
    ctx: typer.Context,
    once: Annotated[
        bool,
        typer.Option("--once", help="End when all is sent: 8 if some was refused, 9 if the server takes none."),
    ] = False,
) -> None:
    """Send queued mail, until interrupted; several may do so at once."""
    from lback_cli.cli.events.relay_messages import RelayConsoleObserver

    run = runtime(ctx)
    post = run.post(RelayConsoleObserver(run.output))
    if not once:
        run.output.message("Delivering mail; Ctrl-C ends it.")
    report = post.run(once=once)
    run.output.record(
        {
            "delivered": report.delivered,
            "deferred": report.deferred,
            "withdrawn": report.withdrawn,
            "dead": report.dead,
            "error": report.error,
        }
    )
    if report.error is not None:
        run.output.warning(report.error)
        raise typer.Exit(ExitCode.UNUSABLE)
    if report.dead:
        raise typer.Exit(ExitCode.PARTLY_FAILED)


@queue.command("list", examples=("lback mail queue list", "lback mail queue list --dead -o json"))
def list_mails(
    ctx: typer.Context,
    dead: Annotated[bool, typer.Option("--dead", help="Only what was given up.")] = False,
) -> None:
    """List the mail that is not sent yet, and why."""
    run = runtime(ctx)
    views = map(_view, run.mail_queue.mails(dead=dead or None))
    run.output.records(views, COLUMNS, table=COLUMNS[:-2])


@queue.command("retry", examples=("lback mail queue retry --dead", "lback mail queue retry 42"))
def retry(ctx: typer.Context, ids: Ids = None, dead: Dead = False) -> None:
    """Have mail tried again by the next `lback mail deliver`."""
    run = runtime(ctx)
    run.output.record({"queued": run.mail_queue.retry(_chosen(ids, dead))})


@queue.command("drop", examples=("lback mail queue drop 42 --yes", "lback mail queue drop --dead"))
def drop(
    ctx: typer.Context,
    ids: Ids = None,
    dead: Dead = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget mail that was not sent."""
    run = runtime(ctx)
    chosen = _chosen(ids, dead)
    confirm(f"Forget {'all mail that was given up' if chosen is None else f'{len(chosen)} mails'}?", yes=yes)
    run.output.record({"dropped": run.mail_queue.drop(chosen)})


def _chosen(ids: list[int] | None, dead: bool) -> list[int] | None:
    if bool(ids) == dead:
        raise UsageError("Name either mails or --dead.")
    return ids or None


def _view(mail: "QueuedMail") -> dict[str, Any]:
    return {
        "id": mail.id,
        "state": "dead" if mail.retry_at is None else "waiting",
        "template": mail.template,
        "recipient": mail.recipient,
        "tries": mail.tries,
        "last_error": mail.last_error,
        "queued_at": timestamp(mail.queued_at),
        "retry_at": None if mail.retry_at is None else timestamp(mail.retry_at),
    }
