"""`lback mail deliver`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.exit_codes import ExitCode


@command(
    examples={
        "Deliver mail until Ctrl-C": "lback mail deliver",
        "Deliver what waits, and end, as a cron job does": "lback mail deliver --once -q",
    }
)
def deliver(
    ctx: typer.Context,
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="Stop when no mail is due. Exit 8 if some mail is now dead or has to be retried, 9 if the server "
            "takes no mail.",
        ),
    ] = False,
) -> None:
    """Send queued mail until interrupted. Several processes can do so at the same time."""
    from lback_cli.cli.events.relay_messages import RelayConsoleObserver

    context = cli_context(ctx)
    post = context.mail_delivery(RelayConsoleObserver(context.output))
    transport = context.settings.email.transport
    if transport != "queue":
        context.output.message(f"With email.transport = {transport}, lback queues no mail; set it to queue.")
    if not once:
        context.output.message("Delivering mail. Press Ctrl-C to stop.")
    report = post.run(once=once)
    context.output.report(
        {
            "delivered": report.delivered,
            "deferred": report.deferred,
            "withdrawn": report.withdrawn,
            "dead": report.dead,
            "error": report.error,
        }
    )
    if report.error is not None:
        context.output.warning(report.error, hint=report.hint)
        raise typer.Exit(ExitCode.UNUSABLE)
    if report.dead or report.deferred:
        raise typer.Exit(ExitCode.PARTLY_FAILED)
