"""How a copy of a database is watched at a terminal: what is to be told, and a bar."""

import time
from typing import TYPE_CHECKING, Any

from lback_cli.cli.context import CliContext
from lback_cli.cli.output.progress import bar, has_terminal
from lback_cli.database_copy.observer import CopyObserver, Step

if TYPE_CHECKING:
    from rich.progress import Progress


class CopyProgress(CopyObserver):
    """Shows a copy on stderr: a bar on a terminal, else a line for each table. *command* is that which goes on."""

    def __init__(self, run: CliContext, command: str) -> None:
        self._output = run.output
        self._command = command
        self._shows_bar = has_terminal(run)
        self._step: Step = "copied"
        self._rows = 0
        self._started_at = 0.0
        self._bar: Progress | None = None
        self._task: Any = None

    def begun(self, step: Step, rows: int) -> None:
        """Begin a bar for the step in place of the last one's."""
        self._step, self._rows, self._started_at = step, 0, time.monotonic()
        if not self._shows_bar:
            return
        if self._bar is None:
            self._bar = bar()
            self._bar.start()
        else:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task("", total=rows or None, rows=f"{step} 0", rate=0)

    def advanced(self, rows: int) -> None:
        """Move the bar."""
        self._rows += rows
        if self._bar is not None:
            rate = self._rows / max(time.monotonic() - self._started_at, 0.001)
            text = f"{self._step} {self._rows:,}"
            self._bar.update(self._task, completed=self._rows, rows=text, rate=f"{rate:,.0f}")

    def copied(self, table: str, rows: int) -> None:
        """Say so where there is no bar to show it."""
        if self._bar is None:
            self._output.message(f"{table}: {rows}")

    def emptied(self) -> None:
        """Say why it begins anew."""
        self._pause()
        self._output.message("The source has changed since that copy was cut off: it is deleted and begun anew.")

    def interrupted(self, *, begun: bool) -> None:
        """Say how to go on."""
        self._pause()
        self._output.warning(f"The copy is not finished. Go on: {self._command}" if begun else "Nothing was copied.")

    def ended(self) -> None:
        """Take the bar away."""
        self._pause()

    def _pause(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
