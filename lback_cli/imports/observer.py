"""The observer of an import: a progress bar, for instance."""

from lback_cli.imports.results import Counts, RowOutcome


class ImportObserver:
    """Observes an import; override the methods of interest."""

    def guessed(self, options: str) -> None:
        """What was guessed about the file: the *options* that say the same, or an empty text."""

    def unread(self, note: str) -> None:
        """A column that may say who is active is not read, because no guess was possible: *note* says why."""

    def begun(self, size: int, rows_done: int) -> None:
        """The import begins: the input has *size* bytes, and earlier runs have imported *rows_done* rows."""

    def advanced(self, position: int, counts: Counts) -> None:
        """The import has come to *position*, in bytes of the input, with these *counts* so far."""

    def failed(self, outcome: RowOutcome) -> None:
        """A row was refused."""

    def interrupted(self, command: str | None, rows_done: int) -> None:
        """The import was interrupted after *rows_done* rows; *command* resumes it. None: nothing was imported."""

    def over(self) -> None:
        """The import was interrupted after its last commit, so all rows are imported."""

    def ended(self) -> None:
        """The import has ended, in whatever way; this is the last call."""
