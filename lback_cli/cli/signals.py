"""`lback signals`: the catalogue."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lback_cli.cli.command_group import CommandGroup
from lback_cli.cli.completion import complete_signal
from lback_cli.cli.global_options import runtime

if TYPE_CHECKING:
    from lback_cli.signals import SignalSpec

app = CommandGroup("signals", "The 22 signals: when each is sent and what it carries.")


@app.command("list", examples=("lback signals list", "lback signals list --receivers", "lback signals list -o json"))
def list_signals(
    ctx: typer.Context,
    receivers: Annotated[
        bool, typer.Option("--receivers", help="Show who listens to what, in the order in which they run.")
    ] = False,
) -> None:
    """List all signals, or the receivers that plugins and hooks connect to them."""
    from lback_cli.signals import CATALOGUE

    run = runtime(ctx)
    if receivers:
        run.receivers.load_plugin()
        run.output.records(map(asdict, run.receivers.listeners), ("signal", "receiver", "source"))
        return
    columns = ("name", "phase", "can_veto", "when", "arguments", "words")
    run.output.records(map(_view, CATALOGUE.values()), columns, table=("name", "when"))


@app.command("show", examples=("lback signals show user_registration_failed",))
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the signal.", autocompletion=complete_signal)],
) -> None:
    """Show one signal with its arguments and words."""
    from lback_cli.signals import find_signal

    run = runtime(ctx)
    spec = find_signal(name)
    run.output.document(_view(spec), _paragraphs(spec))


def _view(spec: "SignalSpec") -> dict[str, Any]:
    return {
        "name": spec.name,
        "phase": spec.phase,
        "can_veto": spec.can_veto,
        "when": spec.when,
        "arguments": [
            {"name": a.name, "type": a.type, "optional": a.optional, "meaning": a.meaning} for a in spec.all_arguments
        ],
        "words": dict(spec.words),
    }


def _paragraphs(spec: "SignalSpec") -> Iterator[str]:
    yield spec.name
    yield ""
    yield spec.when
    yield "A receiver can veto it." if spec.can_veto else "It cannot be vetoed."
    yield ""
    yield from _aligned((a.name, a.annotation, a.meaning) for a in spec.all_arguments)
    if spec.words:
        yield ""
        yield f"{spec.word_argument} is one of"
        yield from _aligned(spec.words.items())


def _aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
