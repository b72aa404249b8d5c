"""`lback events relay` and what belongs to it: delivery of the event log to sinks."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.exit_codes import ExitCode
from lback_cli.cli.global_options import runtime
from lback_cli.cli.output.prompts import confirm
from lback_cli.errors import UsageError
from lback_cli.text.times import timestamp

if TYPE_CHECKING:
    from lback_cli.relay.admin import SinkStatus

app = CommandGroup()
dead_letters = CommandGroup("dead-letters", "Events that a sink would not take.")
app.add_typer(dead_letters)

SINK_COLUMNS = (
    *("sink", "configured", "position", "lag", "failures", "dead_letters"),
    *("last_error", "delivered_at", "worker"),
)
SINK_TABLE = ("sink", "position", "lag", "failures", "dead_letters", "last_error")
LETTER_COLUMNS = ("sink", "seq", "tries", "error", "given_up_at")

SinkName = Annotated[str, typer.Argument(metavar="SINK", help="Name of the sink.")]
Sequences = Annotated[list[int] | None, typer.Argument(metavar="[SEQ]...", help="Numbers of events.")]
All = Annotated[bool, typer.Option("--all", help="All of the sink's.")]


@app.command("relay", examples=("lback events relay", "lback events relay --once -q", "lback events relay audit crm"))
def relay(
    ctx: typer.Context,
    sinks: Annotated[list[str] | None, typer.Argument(metavar="[SINK]...", help="Only these sinks.")] = None,
    once: Annotated[
        bool,
        typer.Option("--once", help="End when all is delivered: 8 if some is dead letters, 9 if a sink takes nothing."),
    ] = False,
) -> None:
    """Send the event log to the configured sinks, each event at least once and in order, until interrupted."""
    from lback_cli.cli.events.relay_messages import RelayConsoleObserver

    run = runtime(ctx)
    relaying = run.relay(sinks or [], RelayConsoleObserver(run.output))
    if not once:
        run.output.message("Relaying; Ctrl-C ends it.")
    reports = relaying.run(once=once)
    run.output.records(
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
        table=("sink", "delivered", "dead_letters", "position"),
    )
    if any(report.error for report in reports):
        raise typer.Exit(ExitCode.UNUSABLE)
    if any(report.dead for report in reports):
        raise typer.Exit(ExitCode.PARTLY_FAILED)


@app.command("sinks", examples=("lback events sinks", "lback events sinks -o json"))
def list_sinks(ctx: typer.Context) -> None:
    """List the sinks: how far each has come, how much it lags behind, and why."""
    run = runtime(ctx)
    run.output.records(map(_sink_view, run.ledger.sinks()), SINK_COLUMNS, table=SINK_TABLE)


@app.command("replay", examples=("lback events replay audit --from 4711",))
def replay(
    ctx: typer.Context,
    sink: SinkName,
    seq: Annotated[int, typer.Option("--from", help="First event to be sent again.", metavar="SEQ")],
) -> None:
    """Set a sink back, or forward, so that the event SEQ is the next it is sent."""
    run = runtime(ctx)
    count = run.ledger.replay(sink, seq)
    run.output.message(f"{sink} goes on with event {seq}: {count} to be sent.")
    run.output.record({"sink": sink, "position": seq - 1, "lag": count})


@dead_letters.command(
    "list", examples=("lback events dead-letters list", "lback events dead-letters list audit -o json")
)
def list_letters(
    ctx: typer.Context,
    sink: Annotated[str | None, typer.Argument(metavar="[SINK]", help="Only of this sink.")] = None,
) -> None:
    """List the events that a sink would not take, and why."""
    run = runtime(ctx)
    views = (
        {
            "sink": letter.sink,
            "seq": letter.seq,
            "tries": letter.tries,
            "error": letter.error,
            "given_up_at": timestamp(letter.given_up_at),
        }
        for letter in run.ledger.dead_letters(sink)
    )
    run.output.records(views, LETTER_COLUMNS, table=LETTER_COLUMNS[:-1])


@dead_letters.command(
    "retry",
    examples=("lback events dead-letters retry audit 42 43", "lback events dead-letters retry audit --all"),
)
def retry(ctx: typer.Context, sink: SinkName, seqs: Sequences = None, all_: All = False) -> None:
    """Send dead letters once more, now and out of order; exit 8 if some are still not taken."""
    run = runtime(ctx)
    chosen = _chosen(seqs, all_)
    outcomes = [
        {"sink": sink, "seq": seq, "delivered": error is None, "error": error}
        for seq, error in run.ledger.retry(sink, chosen)
    ]
    run.output.records(outcomes, ("sink", "seq", "delivered", "error"))
    if not all(outcome["delivered"] for outcome in outcomes):
        raise typer.Exit(ExitCode.PARTLY_FAILED)


@dead_letters.command("drop", examples=("lback events dead-letters drop audit 42 --yes",))
def drop(
    ctx: typer.Context,
    sink: SinkName,
    seqs: Sequences = None,
    all_: All = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget dead letters; the events stay in the log."""
    run = runtime(ctx)
    chosen = _chosen(seqs, all_)
    count = len(run.ledger.dead_letters(sink, chosen))
    confirm(f"Forget {count} dead letters of {sink}?", yes=yes)
    run.output.record({"sink": sink, "dropped": run.ledger.drop(sink, chosen)})


def _chosen(sequences: list[int] | None, every: bool) -> list[int] | None:
    if bool(sequences) == every:
        raise UsageError("Name either events or --all.")
    return sequences or None


def _sink_view(status: "SinkStatus") -> dict[str, Any]:
    return {
        "sink": status.name,
        "configured": status.configured,
        "position": status.position,
        "lag": status.lag,
        "failures": status.failures,
        "dead_letters": status.dead_letters,
        "last_error": status.last_error,
        "delivered_at": None if status.delivered_at is None else timestamp(status.delivered_at),
        "worker": status.worker,
    }
