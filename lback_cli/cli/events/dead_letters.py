"""`lback events dead-letters`: list, retry and drop."""

from typing import Annotated

import typer

from lback_cli.cli.command_group import CommandGroup, command
from lback_cli.cli.context import cli_context
from lback_cli.cli.events.options import SinkName
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.output.prompts import Yes, confirm
from lback_cli.errors import UsageError
from lback_cli.text.times import to_the_second

group = CommandGroup(
    __name__,
    "List, retry and drop the events that a sink did not take.",
    {"list": ":list_letters", "retry": ":retry", "drop": ":drop"},
)

LETTER_COLUMNS = ("sink", "seq", "tries", "error", "answer", "given_up_at")
Sequences = Annotated[list[int] | None, typer.Argument(metavar="[SEQ]...", help="Numbers of events.")]


All = Annotated[bool, typer.Option("--all", help="All dead letters of the sink.")]


@command(
    examples={
        "List the dead letters of all sinks": "lback events dead-letters list",
        "Show the dead letters of one sink as JSON": "lback events dead-letters list audit -o json",
    },
    fields=LETTER_COLUMNS,
)
def list_letters(
    ctx: typer.Context,
    sink: Annotated[str | None, typer.Argument(metavar="[SINK]", help="Only dead letters of this sink.")] = None,
) -> None:
    """List the dead letters: events that a sink did not take, with its last error."""
    context = cli_context(ctx)
    views = (
        {
            "sink": letter.sink,
            "seq": letter.seq,
            "tries": letter.tries,
            "error": letter.error,
            "answer": letter.answer,
            "given_up_at": to_the_second(letter.given_up_at),
        }
        for letter in context.sink_admin.dead_letters(sink)
    )
    context.output.records(views, LETTER_COLUMNS, brief=LETTER_COLUMNS[:-2], empty="No dead letters.")


@command(
    examples={
        "Deliver two events again": "lback events dead-letters retry audit 42 43",
        "Deliver all again": "lback events dead-letters retry audit --all",
    },
)
def retry(ctx: typer.Context, sink: SinkName, seqs: Sequences = None, all_: All = False) -> None:
    """Deliver dead letters now, out of order. Exit 8 if the sink does not take some of them."""
    context = cli_context(ctx)
    chosen = _chosen(seqs, all_)
    outcomes = [
        {"sink": sink, "seq": seq, "delivered": error is None, "error": error}
        for seq, error in context.sink_admin.retry(sink, chosen)
    ]
    context.output.records(outcomes, ("sink", "seq", "delivered", "error"), asked=False)
    if not all(outcome["delivered"] for outcome in outcomes):
        raise typer.Exit(ExitCode.PARTLY_FAILED)


@command(
    examples={
        "Drop one without a question": "lback events dead-letters drop audit 42 --yes",
    }
)
def drop(
    ctx: typer.Context,
    sink: SinkName,
    seqs: Sequences = None,
    all_: All = False,
    yes: Yes = False,
) -> None:
    """Drop dead letters. The events stay in the log."""
    context = cli_context(ctx)
    chosen = _chosen(seqs, all_)
    count = len(context.sink_admin.dead_letters(sink, chosen))
    confirm(f"Drop dead letters of {sink} ({count})?", yes=yes)
    context.output.report({"sink": sink, "dropped": context.sink_admin.drop(sink, chosen)})


def _chosen(sequences: list[int] | None, every: bool) -> list[int] | None:
    if bool(sequences) == every:
        raise UsageError("Name either events or --all.")
    return sequences or None
