"""`lback signals show`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_signal
from lback_cli.cli.context import cli_context

if TYPE_CHECKING:
    from lback_cli.signals import SignalSpec
from lback_cli.cli.output.serializers import signal_view


@command(
    examples={
        "Show one signal with its arguments": "lback signals show user_registration_failed",
    }
)
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the signal.", autocompletion=complete_signal)],
) -> None:
    """Show one signal with its arguments and their values."""
    from lback_cli.signals import find_signal

    context = cli_context(ctx)
    spec = find_signal(name)
    context.output.document(signal_view(spec), _paragraphs(spec))


def _paragraphs(spec: "SignalSpec") -> Iterator[str]:
    yield spec.name
    yield ""
    yield spec.when
    yield "A receiver can veto the operation." if spec.can_veto else "A receiver cannot veto the operation."
    yield ""
    yield from _aligned((a.name, a.annotation, a.meaning) for a in spec.all_arguments)
    if spec.reasons:
        yield ""
        yield f"{spec.reason_argument} is one of"
        yield from _aligned(spec.reasons.items())


def _aligned(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
