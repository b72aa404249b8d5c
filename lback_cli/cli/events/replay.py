"""`lback events replay`."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import CliContext, cli_context
from lback_cli.cli.events.options import SinkName
from lback_cli.cli.exit_codes import ExitCode


@command(
    examples={
        "Deliver event 4711 and all later ones again": "lback events replay audit --from 4711",
        "Deliver ten events again, now": "lback events replay audit --from 4711 --to 4720",
    }
)
def replay(
    ctx: typer.Context,
    sink: SinkName,
    seq: Annotated[int, typer.Option("--from", help="Number of the event to deliver next.", metavar="SEQ")],
    last: Annotated[
        int | None,
        typer.Option(
            "--to", help="Send the events up to this one now, out of order, and leave the position.", metavar="SEQ"
        ),
    ] = None,
) -> None:
    """Move the position of a sink, so that event SEQ is sent next."""
    context = cli_context(ctx)
    if last is not None:
        _resend(context, sink, seq, last)
        return
    count = context.sink_admin.replay(sink, seq)
    context.output.message(f"{sink} continues with event {seq}. Events to deliver: {count}.")
    context.output.report({"sink": sink, "position": seq - 1, "lag": count})


def _resend(context: CliContext, sink: str, first: int, last: int) -> None:
    """Send some events now, until the sink does not take one."""
    sent, error = context.sink_admin.resend(sink, first, last)
    context.output.report({"sink": sink, "delivered": sent, "error": error})
    if error is not None:
        context.output.notice(f"{sink}: {error}.")
        raise typer.Exit(ExitCode.PARTLY_FAILED if sent else ExitCode.UNUSABLE)
