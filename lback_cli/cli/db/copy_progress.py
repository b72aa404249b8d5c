"""The progress of a database copy on standard error."""

import time
from typing import TYPE_CHECKING, Any

from lback_cli.cli.context import CliContext
from lback_cli.cli.output.progress import bar
from lback_cli.database_copy.observer import CopyObserver, Step

if TYPE_CHECKING:
    from rich.progress import Progress


class CopyProgress(CopyObserver):
    """Shows a bar on a terminal, or else a line for each table. *command* continues an interrupted copy."""

    def __init__(self, context: CliContext, command: str) -> None:
        self._output = context.output
        self._command = command
        self._shows_bar = context.can_show_progress
        self._step: Step = "copied"
        self._rows = 0
        self._started_at = 0.0
        self._bar: Progress | None = None
        self._task: Any = None

    def begun(self, step: Step, rows: int) -> None:
        """Show a bar for this step, instead of that for the last one."""
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
        """Update the bar."""
        self._rows += rows
        if self._bar is not None:
            rate = self._rows / max(time.monotonic() - self._started_at, 0.001)
            text = f"{self._step} {self._rows:,}"
            self._bar.update(self._task, completed=self._rows, rows=text, rate=f"{rate:,.0f}")

    def copied(self, table: str, rows: int) -> None:
        """Report the table if there is no bar."""
        if self._bar is None:
            self._output.message(f"{table}: {rows}")

    def emptied(self) -> None:
        """Report why the copy starts again."""
        self._pause()
        self._output.message("The source has changed since the copy was interrupted. The copy starts again.")

    def interrupted(self, *, begun: bool) -> None:
        """Show how to continue."""
        self._pause()
        self._output.notice(
            f"The copy is not finished. Continue with: {self._command}" if begun else "Nothing was copied."
        )

    def ended(self) -> None:
        """Remove the bar."""
        self._pause()

    def _pause(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
