"""The parts of one import."""

from collections.abc import Iterator
from dataclasses import dataclass

from lback_cli.database.engine import Database
from lback_cli.imports.chunks import chunked, row_cost
from lback_cli.imports.input_file import InputFile
from lback_cli.imports.observer import ImportObserver
from lback_cli.imports.report_files import ReportFiles
from lback_cli.imports.results import Counts, ImportResult, RowOutcome
from lback_cli.imports.row import ImportRow
from lback_cli.managers.bulk_registration import OBSERVABLE_SIGNALS
from lback_cli.managers.dependencies import Dependencies
from lback_cli.managers.user_manager import UserManager


@dataclass(frozen=True, slots=True)
class ImportContext:
    """The parts of one import.

    Attributes:
        source: The input.
        files: The files that report on the rows.
        chunk_cost: The cost of a chunk at most, as `chunked` takes it.
    """

    database: Database
    services: Dependencies
    users: UserManager
    observer: ImportObserver
    source: InputFile
    files: ReportFiles
    chunk_cost: int

    def chunks(self) -> Iterator[list[ImportRow]]:
        """Yield the rows of the input, from the first, as they are imported together."""
        return self.chunked(self.source.rows())

    def chunked(self, rows: Iterator[ImportRow]) -> Iterator[list[ImportRow]]:
        """Yield *rows* as they are imported together."""
        options = self.source.options
        has_receivers = any(signal.receivers for signal in OBSERVABLE_SIGNALS)
        cost = row_cost(options.mail, generates=options.passwords is not None, has_receivers=has_receivers)
        return chunked(rows, cost, self.chunk_cost)

    def finish(self, result: ImportResult) -> ImportResult:
        """Return *result* with what was left out of the file, and remove a file of rejects that has none."""
        result.tally.left_out.update(self.source.left_out)
        self.files.discard_empty_rejects()
        return result

    def stops_at(self, outcome: RowOutcome) -> bool:
        """Return whether *outcome* ends the import."""
        return self.source.options.on_error == "stop" and outcome.kind == "failed"

    def report_progress(self, outcomes: list[RowOutcome], counts: Counts) -> None:
        """Report the *outcomes* of some rows, and the *counts* of all so far, to the observer."""
        self.report_failures(outcomes)
        self.observer.advanced(self.source.position, counts)

    def report_failures(self, outcomes: list[RowOutcome]) -> None:
        """Report the refused rows to the observer."""
        for outcome in outcomes:
            if outcome.kind == "failed":
                self.observer.failed(outcome)
