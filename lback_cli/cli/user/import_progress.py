"""The progress of an import on standard error."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lback_cli.cli.context import CliContext
from lback_cli.cli.output.problems import text_lines
from lback_cli.cli.output.progress import bar
from lback_cli.imports.failures import Failures
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.results import Counts, RowOutcome
from lback_cli.settings.masking import HIDDEN
from lback_cli.text.escaping import safe

if TYPE_CHECKING:
    from rich.progress import Progress

SHOWN = 20
"""Kinds of refused rows, or single ones for a program, that are shown. The report lists all rows."""

PASSWORD_ADVICE = (
    f"{HIDDEN} is the password: put it into a file that LBACK_DATABASE_PASSWORD_FILE names, "
    "or give the URL in LBACK_DATABASE_URL instead."
)
"""How to run a command that is shown without its password."""


class ImportProgress(ImportObserver):
    """Shows what was guessed, refused rows, how to resume, and on a terminal a progress bar."""

    def __init__(self, context: CliContext, report: Path | None = None) -> None:
        """*report* is the file with the outcome of every row, if there is one."""
        self._output = context.output
        self._speaks_json = context.wants_json_errors
        self._report = report
        self._shows_bar = context.can_show_progress
        self._has_password_file = context.settings.database.password_file is not None
        self._failures = Failures()
        self._failed = 0
        self._size = 0
        self._started_at = 0.0
        self._rows_before = 0
        self._bar: Progress | None = None
        self._task: Any = None

    def guessed(self, options: str) -> None:
        """Show what was guessed."""
        self._output.message(f"Guessed: {options}" if options else "There was nothing to guess.")

    def unread(self, note: str) -> None:
        """Warn that users may be active who should not be."""
        self._output.warning(note, hint="--map is_active=COLUMN reads another column.")

    def begun(self, size: int, rows_done: int) -> None:
        """Start counting for the rate."""
        self._size, self._rows_before, self._started_at = size, rows_done, time.monotonic()
        if rows_done:
            self._output.message(f"Resuming after {rows_done} rows.")

    def advanced(self, position: int, counts: Counts) -> None:
        """Update the bar."""
        if not self._shows_bar:
            return
        if self._bar is None:
            self._bar = bar()
            self._bar.start()
            self._task = self._bar.add_task("", total=self._size or None, rows=0, rate=0)
        rate = (counts.total - self._rows_before) / max(time.monotonic() - self._started_at, 0.001)
        self._bar.update(self._task, completed=position, rows=f"{counts.total:,}", rate=f"{rate:,.0f}")

    def failed(self, outcome: RowOutcome) -> None:
        """Show the first few refused rows to a program; a person sees them grouped, at the end."""
        self._failed += 1
        if not self._speaks_json:
            self._failures.add(outcome)
        elif self._failed == SHOWN + 1:
            self._say(f"More rows were refused. {self._where_all} all of them.")
        elif self._failed <= SHOWN:
            row = outcome.row
            error: dict[str, Any] = {"code": outcome.code, "message": outcome.message, "hint": outcome.hint}
            error["line"] = row.line
            if row.record is not None:
                error["record"] = row.record
            self._say(json.dumps({"error": error}), one_line=True)

    def interrupted(self, command: str | None, rows_done: int) -> None:
        """Show how to resume."""
        if command is None:
            self._output.notice("Nothing was imported.")
        else:
            self._output.notice(f"{rows_done} rows are done. Resume with: {command}")
            self._advise(self._output.notice, command)

    def over(self) -> None:
        """Report that the interruption came after the last row."""
        self._output.notice("All rows were already done.")

    def stopped(self, command: str) -> None:
        """Report that a refused row stopped the import, and show how to continue after it."""
        self._output.message(f"Stopped at a refused row. Continue after it with: {command}")
        self._advise(self._output.message, command)

    def ended(self) -> None:
        """Remove the bar, and show the refused rows."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
            self._shows_bar = False
        failures, self._failures = self._failures, Failures()
        for line in failures.lines(SHOWN):
            self._say(line)
        if failures.leave_out(SHOWN):
            self._say(f"{self._where_all} all of them.")

    @property
    def _where_all(self) -> str:
        return "Use --report FILE to list" if self._report is None else f"{self._report} lists"

    def _advise(self, say: Callable[[str], None], command: str) -> None:
        if HIDDEN in command and not self._has_password_file:
            say(PASSWORD_ADVICE)

    def _say(self, text: str, *, one_line: bool = False) -> None:
        if self._bar is None:
            self._output.message(text, one_line=one_line)
            return
        from rich.text import Text

        for line in [safe(text)] if one_line else text_lines(text):
            self._bar.console.print(Text(line), soft_wrap=True)
