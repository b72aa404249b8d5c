"""What an import tells while it runs."""

from lback_cli.imports.results import Counts, RowOutcome


class ImportObserver:
    """Is told how an import goes on; this one does not care."""

    def begun(self, size: int, rows_done: int) -> None:
        """The input has *size* bytes; *rows_done* were done by an earlier run."""

    def advanced(self, position: int, counts: Counts) -> None:
        """The rows up to *position*, in bytes, are done."""

    def failed(self, outcome: RowOutcome) -> None:
        """A row was refused."""

    def interrupted(self, command: str | None, rows_done: int) -> None:
        """The import ended before its time, with *rows_done*; *command* goes on, unless nothing was done at all."""

    def over(self) -> None:
        """The import was interrupted when all of it was done."""

    def ended(self) -> None:
        """There is no more to tell."""
