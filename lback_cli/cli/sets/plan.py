"""What a command would do, shown instead of being done."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from lback_cli.cli.output.output import Output
from lback_cli.events.wording import planned_line
from lback_cli.text.escaping import safe

if TYPE_CHECKING:
    from lback_cli.managers.rehearsal import Rehearsal

Plan = Annotated[
    bool,
    typer.Option(
        "--plan",
        help="Show what would change, change nothing, and exit as the run would. Receivers, which may refuse, do "
        "not run.",
    ),
]


def show_planned(output: Output, rehearsal: "Rehearsal") -> None:
    """Show what the operations of *rehearsal* would change, and the signals and mails that they would send."""
    if output.format.for_people:
        lines = filter(None, map(planned_line, rehearsal.events()))
        output.text(f"{safe(line)}\n" for line in lines)
    show_counts(output, rehearsal.signals, rehearsal.mails)


def show_counts(output: Output, signals: Mapping[str, int], mails: Mapping[str, int]) -> None:
    """Show how many signals and mails would be sent, and that nothing was changed."""
    for title, found in (("Signals", signals), ("Mails", mails)):
        if found:
            output.message(f"{title}: {', '.join(f'{name} {found[name]}' for name in sorted(found))}.")
    output.message("Nothing was changed.")
