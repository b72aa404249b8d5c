"""`lback events checkpoint`."""

from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context


@command(
    examples={
        "Append a checkpoint to a file in another place": "lback events checkpoint >> /mnt/worm/checkpoints",
        "Sign the checkpoint": "lback events checkpoint --sign-with key.pem",
    },
)
def checkpoint(
    ctx: typer.Context,
    sign_with: Annotated[
        Path | None,
        typer.Option("--sign-with", help="Ed25519 private key (PEM) that signs the checkpoint.", metavar="KEY"),
    ] = None,
) -> None:
    """Print a checkpoint: one line that `lback events verify` can later compare with the log.

    Keep it where a user who can write the database cannot change it.
    """
    context = cli_context(ctx)
    found = context.events.checkpoint()
    context.warn_of_lost_log()
    signed = found if sign_with is None else found.signed(sign_with)
    view = {"seq": signed.seq, "count": signed.count, "hash": signed.hash, "erased": signed.erased, "line": str(signed)}
    context.output.document(view, [str(signed)])
