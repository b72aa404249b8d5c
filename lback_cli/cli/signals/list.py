"""`lback signals list`."""

from dataclasses import asdict
from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.serializers import signal_view

COLUMNS = ("name", "phase", "can_veto", "when", "arguments", "words")
RECEIVER_COLUMNS = ("signal", "receiver", "source")


def _fields(ctx: typer.Context) -> tuple[str, ...]:
    return RECEIVER_COLUMNS if ctx.params.get("receivers") else COLUMNS


@command(
    examples={
        "List all signals in the order of their phases": "lback signals list",
        "List the receivers of each signal": "lback signals list --receivers",
        "Show the signals as JSON": "lback signals list -o json",
    },
    fields=_fields,
)
def list_signals(
    ctx: typer.Context,
    receivers: Annotated[
        bool, typer.Option("--receivers", help="List the receivers of each signal, in the order in which they run.")
    ] = False,
) -> None:
    """List all signals, or the receivers that plugins and hooks connect to them."""
    from lback_cli.signals import CATALOGUE

    context = cli_context(ctx)
    if receivers:
        context.receivers.connect()
        context.output.records(map(asdict, context.receivers.listeners), RECEIVER_COLUMNS, empty="No receivers.")
        return
    context.output.records(map(signal_view, CATALOGUE.values()), COLUMNS, brief=("name", "when"))
