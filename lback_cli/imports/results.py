"""What became of each row, and of all of them."""

from dataclasses import dataclass
from typing import Literal

from lback_cli.errors import LbackError
from lback_cli.imports.row import Row

Kind = Literal["created", "updated", "skipped", "failed"]


@dataclass(slots=True)
class RowOutcome:
    """What became of *row*.

    *code* and *message* say why it failed or was skipped. *username* is as stored, *password* what was made up for a
    user created. *state* is a digest of the user that was there before, where there was one.
    """

    row: Row
    kind: Kind
    id: int | None = None
    code: str | None = None
    message: str | None = None
    username: str | None = None
    password: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows came to what."""

    created: int = 0
    updated: int = 0
    skipped: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        """All rows."""
        return self.created + self.updated + self.skipped + self.failed

    def plus(self, outcomes: list[RowOutcome]) -> "Counts":
        """These and *outcomes*."""
        kinds = [outcome.kind for outcome in outcomes]
        return Counts(
            self.created + kinds.count("created"),
            self.updated + kinds.count("updated"),
            self.skipped + kinds.count("skipped"),
            self.failed + kinds.count("failed"),
        )


@dataclass(slots=True)
class Result:
    """How an import ended: *counts*, and the *job* that did it.

    *state* is ``done``, ``stopped`` at the first failure, ``rolled_back`` with nothing imported, or ``finished`` when
    all was done before.
    """

    state: Literal["done", "stopped", "rolled_back", "finished"]
    counts: Counts
    job: str


def failed(row: Row, error: LbackError) -> RowOutcome:
    """The outcome of a row that *error* refused."""
    return RowOutcome(row, "failed", code=error.code, message=describe_error(error))


def describe_error(error: LbackError) -> str:
    """What went wrong and what to do, in one line."""
    return error.message if error.hint is None else f"{error.message} {error.hint}"
