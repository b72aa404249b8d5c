"""`lback events metrics`."""

from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context


@command(
    examples={
        "Show the metrics": "lback events metrics",
        "Write them for the node exporter": "lback events metrics --file /var/lib/node_exporter/lback.prom",
    },
)
def metrics(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Option("--file", help="Write this file, which is replaced as a whole.", metavar="PATH"),
    ] = None,
) -> None:
    """Write metrics of the log, the sinks, the mail queue and locks as Prometheus reads them."""
    from lback_cli.relay.metrics import metrics_text

    context = cli_context(ctx)
    text = metrics_text(context.database, context.sink_admin.sinks(), context.dependencies.now())
    if file is None:
        context.output.text([text])
    else:
        from lback_cli.imports.atomic_write import replacing

        # The exporter is another user, and counts are not secret.
        with replacing(file, mode=0o644) as write:
            write(text)
