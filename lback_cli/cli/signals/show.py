"""`lback signals show`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.command_group import command
from lback_cli.cli.completion import complete_signal
from lback_cli.cli.context import cli_context
from lback_cli.cli.output.serializers import signal_view
from lback_cli.cli.output.width import wrapped

if TYPE_CHECKING:
    from lback_cli.signals import SignalSpec

_NARROWEST = 20
"""If fewer columns are left for the meanings, the terminal wraps them."""


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
    context.output.document(signal_view(spec), _paragraphs(spec, context.output.width))


def _paragraphs(spec: "SignalSpec", width: int | None) -> Iterator[str]:
    yield spec.name
    yield ""
    yield from _lines(spec.when, width)
    yield "A receiver can veto the operation." if spec.can_veto else "A receiver cannot veto the operation."
    yield ""
    yield from _aligned(((a.name, a.annotation, a.meaning) for a in spec.all_arguments), width)
    if spec.reasons:
        yield ""
        yield f"{spec.reason_argument} is one of"
        yield from _aligned(spec.reasons.items(), width)


def _aligned(rows: Iterable[Sequence[str]], width: int | None) -> Iterator[str]:
    """Yield *rows* in columns. On a screen of that *width*, the last column is wrapped."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)][:-1]
    indent = 2 + sum(2 + width for width in widths)
    for *cells, last in table:
        first, *others = _lines(last, None if width is None else width - indent)
        yield "  " + "  ".join([*(cell.ljust(size) for cell, size in zip(cells, widths, strict=True)), first]).rstrip()
        yield from (" " * indent + line for line in others)


def _lines(text: str, width: int | None) -> list[str]:
    return [text] if width is None or width < _NARROWEST else wrapped(text, width)
