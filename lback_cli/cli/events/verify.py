"""`lback events verify`."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.context import cli_context
from lback_cli.errors import UsageError
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.export import verify_lines


@command(
    examples={
        "Verify the log in the database": "lback events verify",
        "Compare it with signed checkpoints from another place": (
            "lback events verify --checkpoint /mnt/worm/checkpoints --public-key key.pub"
        ),
        "Verify an exported log": "lback events verify events.jsonl",
    },
)
def verify(
    ctx: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="An exported log, instead of the database; - is standard input."),
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", help="A checkpoint line, or a file whose last line is one.", metavar="LINE|FILE"),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="Public key (PEM) of the checkpoint's signature.", metavar="KEY")
    ] = None,
) -> None:
    """Verify that no event was edited, removed, inserted or moved. Exit 7 if one was."""
    context = cli_context(ctx)
    if public_key is not None and checkpoint is None:
        raise UsageError("--public-key needs a --checkpoint.")
    pinned = None if checkpoint is None else Checkpoint.parse(_checkpoint_line(checkpoint))
    if pinned is not None and public_key is not None:
        pinned.require_signature(public_key)
    verdict = context.events.verify(pinned) if file is None else verify_lines(_lines(file), pinned)
    context.output.message(
        "The event log is intact." if pinned is None else "The event log is intact and contains the checkpoint."
    )
    for erasure in verdict.erasures:
        context.output.message(
            f"Event {erasure.seq}: {erasure.actor} erased user {erasure.user_id}:"
            f" {erasure.events} events and {erasure.mentions} mentions."
        )
        if not erasure.is_checked:
            context.output.warning(
                f"Event {erasure.seq} does not list mentions apart, so they may be events of others that were removed.",
                hint="Only versions before 0.1.0 wrote such events. Find out who erased these, and why.",
            )
    context.output.report(
        {
            "intact": True,
            "events": verdict.events,
            "erased": verdict.erased,
            "hash": verdict.hash,
            "checkpoint": None if pinned is None else pinned.seq,
        }
    )


def _checkpoint_line(argument: str) -> str:
    if argument.startswith(("lback-checkpoint-v1 ", "lback-checkpoint-v2 ")):
        return argument
    lines = [line for line in _lines(Path(argument)) if line.strip()]
    return lines[-1] if lines else ""


def _lines(path: Path) -> Iterator[str]:
    """Yield the lines of a file or of standard input. The verifier reports what is not UTF-8."""
    if str(path) != "-":
        try:
            file = path.open(encoding="utf-8", errors="surrogateescape", newline="\n")
        except OSError as error:
            raise UsageError(f"Cannot read {path}: {error.strerror or error}.") from error
        with file:
            yield from file
    elif sys.stdin is not None:
        yield from io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="surrogateescape", newline="\n")
