"""`lback events relay`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.exit_codes import ExitCode


@command(
    examples={
        "Deliver to all sinks until Ctrl-C": "lback events relay",
        "Deliver what is new, and end, as a cron job does": "lback events relay --once -q",
        "Deliver to two sinks": "lback events relay audit crm",
    }
)
def relay(
    ctx: typer.Context,
    sinks: Annotated[list[str] | None, typer.Argument(metavar="[SINK]...", help="Only these sinks.")] = None,
    once: Annotated[
        bool,
        typer.Option(
            "--once",
            help="Stop when all is delivered. Exit 8 if there are new dead letters, 9 if a sink takes no events.",
        ),
    ] = False,
) -> None:
    """Send the event log to the sinks until interrupted. Each event is sent at least once, and in order."""
    from lback_cli.cli.events.relay_messages import RelayConsoleObserver

    context = cli_context(ctx)
    relaying = context.relay(sinks or [], RelayConsoleObserver(context.output))
    if not once:
        context.output.message("Relaying. Press Ctrl-C to stop.")
    reports = relaying.run(once=once)
    context.output.records(
        (
            {
                "sink": report.sink,
                "delivered": report.delivered,
                "dead_letters": report.dead,
                "position": report.position,
                "error": report.error,
                "worker": report.holder,
            }
            for report in reports
        ),
        ("sink", "delivered", "dead_letters", "position", "error", "worker"),
        brief=("sink", "delivered", "dead_letters", "position"),
        asked=False,
    )
    if any(report.error for report in reports):
        raise typer.Exit(ExitCode.UNUSABLE)
    if any(report.dead for report in reports):
        raise typer.Exit(ExitCode.PARTLY_FAILED)
