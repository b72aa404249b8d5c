"""A bar on stderr with the rate and the time left."""

import sys
from typing import TYPE_CHECKING

from lback_cli.cli.context import CliContext

if TYPE_CHECKING:
    from rich.progress import Progress


def has_terminal(run: CliContext) -> bool:
    """Whether a bar can be shown: on a terminal that nothing else writes to."""
    return sys.stderr.isatty() and not run.options.get("quiet") and not run.traces_to_stderr


def bar() -> "Progress":
    """One that is still to be started; it goes away when it is stopped."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[rows]} rows"),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(file=sys.stderr, highlight=False),
        transient=True,
    )
