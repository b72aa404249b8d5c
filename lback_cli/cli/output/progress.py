"""A progress bar on standard error."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def bar(what: str = "rows") -> "Progress":
    """Return a bar, not yet started, that counts *what*, with the rate and the time left. It disappears at its end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    return Progress(
        BarColumn(),
        TaskProgressColumn(),
        TextColumn(f"{{task.fields[rows]}} {what}"),
        TextColumn("{task.fields[rate]}/s"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=Console(file=sys.stderr, highlight=False),
        transient=True,
    )
