"""How an import and a copy are watched at a terminal: what is to be told, and a bar with the rate and the time left."""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lback_cli.batch.outcomes import Counts, RowOutcome
from lback_cli.batch.watcher import Watcher
from lback_cli.cli.runtime import Runtime
from lback_cli.managers.copy_watcher import CopyWatcher, Step
from lback_cli.security.text import safe
from lback_cli.settings.show import MASK

if TYPE_CHECKING:
    from rich.progress import Progress

SHOWN = 20
"""Refused rows that are shown; all are in the report."""

PASSWORD_ADVICE = (
    f"{MASK} is the password: put it into a file that LBACK_DATABASE_PASSWORD_FILE names, "
    "or give the URL in LBACK_DATABASE_URL instead."
)
"""What makes a command work that is shown without its password."""


class ImportProgress(Watcher):
    """Shows an import on stderr: the bar only on a terminal that nothing else writes to."""

    def __init__(self, run: Runtime, report: Path | None = None) -> None:
        """*report* is the file that has what became of every row, if there is one."""
        self._output = run.output
        self._speaks_json = run.wants_json
        self._report = report
        self._shows_bar = _has_terminal(run)
        self._has_password_file = run.settings.database.password_file is not None
        self._failed = 0
        self._size = 0
        self._started_at = 0.0
        self._rows_before = 0
        self._bar: Progress | None = None
        self._task: Any = None

    def begun(self, size: int, rows_done: int) -> None:
        """Remember from where the rate counts."""
        self._size, self._rows_before, self._started_at = size, rows_done, time.monotonic()
        if rows_done:
            self._output.message(f"Going on behind the {rows_done} rows that are done.")

    def advanced(self, position: int, counts: Counts) -> None:
        """Move the bar."""
        if not self._shows_bar:
            return
        if self._bar is None:
            self._bar = _bar()
            self._bar.start()
            self._task = self._bar.add_task("", total=self._size or None, rows=0, rate=0)
        rate = (counts.total - self._rows_before) / max(time.monotonic() - self._started_at, 0.001)
        self._bar.update(self._task, completed=position, rows=f"{counts.total:,}", rate=f"{rate:,.0f}")

    def failed(self, outcome: RowOutcome) -> None:
        """Show the first few refused rows."""
        self._failed += 1
        line = outcome.row.line
        if self._failed == SHOWN + 1:
            where = "--report FILE would list" if self._report is None else f"{self._report} lists"
            self._say(f"More rows were refused; {where} them all.")
        elif self._failed > SHOWN:
            return
        elif self._speaks_json:
            error = {"code": outcome.code, "message": outcome.message, "line": line}
            self._say(json.dumps({"error": error}))
        else:
            self._say(f"line {line}: {outcome.message}")

    def interrupted(self, command: str | None, rows_done: int) -> None:
        """Say how to go on."""
        if command is None:
            self._output.warning("Nothing was imported.")
        else:
            self._output.warning(f"{rows_done} rows are done. Go on: {command}")
            self._advise(self._output.warning, command)

    def over(self) -> None:
        """Say that nothing is left to do."""
        self._output.warning("All rows were done by then.")

    def stopped(self, line: int | None, command: str) -> None:
        """Say where a refused row stopped it, and how to go on."""
        self._output.message(f"Stopped at line {line}. Go on behind it: {command}")
        self._advise(self._output.message, command)

    def ended(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._shows_bar = False

    def _advise(self, say: Callable[[str], None], command: str) -> None:
        if MASK in command and not self._has_password_file:
            say(PASSWORD_ADVICE)

    def _say(self, text: str) -> None:
        if self._bar is None:
            self._output.message(text)
            return
        from rich.text import Text

        self._bar.console.print(Text(safe(text)), soft_wrap=True)


class CopyProgress(CopyWatcher):
    """Shows a copy on stderr: a bar on a terminal, else a line for each table. *command* is that which goes on."""

    def __init__(self, run: Runtime, command: str) -> None:
        self._output = run.output
        self._command = command
        self._shows_bar = _has_terminal(run)
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
            self._bar = _bar()
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


def _has_terminal(run: Runtime) -> bool:
    """Whether a bar can be shown: on a terminal that nothing else writes to."""
    return sys.stderr.isatty() and not run.options.get("quiet") and not run.traces_to_stderr


def _bar() -> "Progress":
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
