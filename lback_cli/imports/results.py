"""The outcome of each row, and of the whole import."""

from dataclasses import dataclass
from typing import Literal

from lback_cli.errors import LbackError
from lback_cli.imports.row import ImportRow

OutcomeKind = Literal["created", "updated", "skipped", "failed"]


@dataclass(slots=True)
class RowOutcome:
    """The outcome of *row*.

    Attributes:
        row: The row.
        kind: What was done.
        id: The user's id, if the user exists.
        code: Why the row was skipped or refused, as a code.
        message: The same as text.
        hint: What to do about it, if anything.
        username: The stored user name of a created user.
        password: The password that was generated for a created user.
        state: A digest of the user that existed before, for a plan.
    """

    row: ImportRow
    kind: OutcomeKind
    id: int | None = None
    code: str | None = None
    message: str | None = None
    hint: str | None = None
    username: str | None = None
    password: str | None = None
    state: str | None = None

    @property
    def text(self) -> str:
        """The message and the hint in one line."""
        return " ".join(filter(None, (self.message, self.hint)))


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows had which outcome."""

    created: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """The number of all rows."""
        return self.created + self.updated + self.skipped + self.failed

    def plus(self, outcomes: list[RowOutcome]) -> "Counts":
        """Return these counts with *outcomes* added."""
        kinds = [outcome.kind for outcome in outcomes]
        return Counts(
            created=self.created + kinds.count("created"),
            updated=self.updated + kinds.count("updated"),
            skipped=self.skipped + kinds.count("skipped"),
            failed=self.failed + kinds.count("failed"),
        )


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How an import ended.

    Attributes:
        state: ``done``; ``stopped`` at the first refused row; ``rolled_back``, so that nothing was imported; or
            ``finished``, because an earlier run had imported everything.
        counts: The outcomes of all rows, those of earlier runs included.
        job: The id of the import job.
    """

    state: Literal["done", "stopped", "rolled_back", "finished"]
    counts: Counts
    job: str


def failed(row: ImportRow, error: LbackError) -> RowOutcome:
    """Return the outcome of a *row* that *error* refused."""
    return RowOutcome(row, "failed", code=error.code, message=error.message, hint=error.hint)
