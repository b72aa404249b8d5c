"""`lback events`: the event log."""

import io
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.completion import complete_signal
from lback_cli.cli.events import relay as events_relay
from lback_cli.cli.global_options import runtime
from lback_cli.cli.serializers import EVENT_TABLE
from lback_cli.errors import UsageError
from lback_cli.events.checkpoint import Checkpoint
from lback_cli.events.export import EVENT_COLUMNS, cloud_event, event_view
from lback_cli.events.summary import KINDS
from lback_cli.managers.event_log import verify_lines

app = CommandGroup("events", "Read, prove, export and relay the event log: what happened, and who did it.")
app.add_typer(events_relay.app)

DEFAULT_LIMIT = 50

Signal = Annotated[
    str | None,
    typer.Option("--signal", help="Only this signal.", metavar="NAME", autocompletion=complete_signal),
]
ActorOption = Annotated[str | None, typer.Option("--by", help="Only what this actor did.", metavar="ACTOR")]
UserOption = Annotated[
    str | None, typer.Option("--user", help="Only about this user, past or present.", metavar="USER")
]
Since = Annotated[
    str | None, typer.Option("--since", help="From this time on: ISO 8601, or an age such as 2h or 7d.", metavar="TIME")
]
Until = Annotated[str | None, typer.Option("--until", help="Before this time.", metavar="TIME")]


class ExportFormat(StrEnum):
    """What a line of an export is."""

    LBACK = "lback"
    CLOUDEVENTS = "cloudevents"


@app.command(
    "list",
    examples=(
        "lback events list --since 7d --signal user_authentication_failed",
        "lback events list --user alice -o json",
        "lback events list --before 4711",
    ),
)
def list_events(
    ctx: typer.Context,
    signal: Signal = None,
    user: UserOption = None,
    by: ActorOption = None,
    since: Since = None,
    until: Until = None,
    before: Annotated[
        int | None, typer.Option("--before", help="Older than this event: the next page.", metavar="SEQ")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", help="At most so many; 0 means all.", min=0)] = DEFAULT_LIMIT,
) -> None:
    """List events, the newest first."""
    run = runtime(ctx)
    query = run.events.query(
        signal=signal,
        user=user,
        actor=by,
        since=since,
        until=until,
        before=before,
        newest_first=True,
        limit=limit or None,
    )
    with run.events.select(query) as events:
        run.output.records(map(event_view, events), EVENT_COLUMNS, table=EVENT_TABLE)


@app.command("show", examples=("lback events show 42",))
def show(ctx: typer.Context, seq: Annotated[int, typer.Argument(metavar="SEQ", help="Number of the event.")]) -> None:
    """Show one event with its data and hashes."""
    run = runtime(ctx)
    run.output.record(event_view(run.events.find(seq)))


@app.command(
    "follow", examples=("lback events follow", "lback events follow -o jsonl --signal user_authentication_failed")
)
def follow(
    ctx: typer.Context,
    signal: Signal = None,
    user: UserOption = None,
    by: ActorOption = None,
    after: Annotated[
        int | None, typer.Option("--after", help="Begin behind this event, not at the end.", metavar="SEQ")
    ] = None,
) -> None:
    """Show new events as they are committed, by whatever process, until interrupted."""
    run = runtime(ctx)
    query = run.events.query(signal=signal, user=user, actor=by, after=after)
    run.output.stream(map(event_view, run.events.follow(query)), EVENT_TABLE)


@app.command(
    "checkpoint",
    examples=("lback events checkpoint >> /mnt/worm/checkpoints", "lback events checkpoint --sign-with key.pem"),
)
def checkpoint(
    ctx: typer.Context,
    sign_with: Annotated[
        Path | None, typer.Option("--sign-with", help="Ed25519 private key (PEM) to sign the line with.", metavar="KEY")
    ] = None,
) -> None:
    """Print one line that, kept elsewhere, proves the log up to now."""
    run = runtime(ctx)
    found = run.events.checkpoint()
    signed = found if sign_with is None else found.signed(sign_with)
    view = {"seq": signed.seq, "count": signed.count, "hash": signed.hash, "line": str(signed)}
    run.output.document(view, [str(signed)])


@app.command(
    "verify",
    examples=(
        "lback events verify",
        "lback events verify --checkpoint /mnt/worm/checkpoints --public-key key.pub",
        "lback events verify events.jsonl",
    ),
)
def verify(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="An exported log, instead of the database; - for stdin.")
    ] = None,
    checkpoint: Annotated[
        str | None,
        typer.Option("--checkpoint", help="A checkpoint line, or a file whose last line is one.", metavar="LINE|FILE"),
    ] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", help="Who must have signed the checkpoint (PEM).", metavar="KEY")
    ] = None,
) -> None:
    """Prove that no event was edited, removed, inserted or moved; exit 7 names the first that was."""
    run = runtime(ctx)
    if public_key is not None and checkpoint is None:
        raise UsageError("--public-key needs a --checkpoint.")
    pinned = None if checkpoint is None else Checkpoint.parse(_checkpoint_line(checkpoint))
    if pinned is not None and public_key is not None:
        pinned.require_signature(public_key)
    verdict = run.events.verify(pinned) if file is None else verify_lines(_lines(file), pinned)
    run.output.message(
        "The event log is intact." if pinned is None else "The event log is intact and has the checkpoint."
    )
    run.output.record({"intact": True, "events": verdict.events, "erased": verdict.erased, "hash": verdict.hash})


@app.command(
    "export",
    examples=("lback events export > events.jsonl", "lback events export --format cloudevents --since 1d | jq .type"),
)
def export(
    ctx: typer.Context,
    form: Annotated[
        ExportFormat, typer.Option("--format", help="lback's lines, which can be verified, or CloudEvents 1.0.")
    ] = ExportFormat.LBACK,
    signal: Signal = None,
    user: UserOption = None,
    by: ActorOption = None,
    since: Since = None,
    until: Until = None,
    after: Annotated[int | None, typer.Option("--after", help="Only newer than this event.", metavar="SEQ")] = None,
) -> None:
    """Write events as JSON Lines, oldest first; only a complete export can be verified."""
    run = runtime(ctx)
    query = run.events.query(signal=signal, user=user, actor=by, since=since, until=until, after=after)
    with run.events.select(query) as events:
        run.output.lines(map(event_view if form is ExportFormat.LBACK else cloud_event, events))


@app.command("summary", examples=("lback events summary", "lback events summary --since 30d -o csv"))
def summary(
    ctx: typer.Context,
    since: Annotated[
        str, typer.Option("--since", help="From this time on: ISO 8601, or an age such as 2h or 7d.", metavar="TIME")
    ] = "14d",
) -> None:
    """Draw registrations, logins and failures per day, with totals."""
    run = runtime(ctx)
    run.output.chart(run.events.summary(since).days, label="day", kinds=KINDS)


def _checkpoint_line(argument: str) -> str:
    if argument.startswith("lback-checkpoint-v1 "):
        return argument
    lines = [line for line in _lines(Path(argument)) if line.strip()]
    return lines[-1] if lines else ""


def _lines(path: Path) -> Iterator[str]:
    """The lines of a file, or of stdin; whether they are UTF-8 is for whoever reads them to say."""
    if str(path) != "-":
        with path.open(encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            yield from file
    elif sys.stdin is not None:
        yield from io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8", errors="surrogateescape", newline="\n")
