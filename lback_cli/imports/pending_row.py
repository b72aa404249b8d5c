"""A row on its way: what could be done before its transaction, and what was done in earlier tries of it."""

from dataclasses import dataclass, field
from typing import NamedTuple

from lback_cli.errors import DatabaseError
from lback_cli.imports.results import RowOutcome
from lback_cli.imports.row import Row
from lback_cli.managers.bulk_registration import PreparedUser
from lback_cli.operations.attempts import AttemptState, RecordedFailure


class HashedPassword(NamedTuple):
    """The hash of a row's password, which was *made* up where it is not in the row."""

    made: str | None
    password_hash: str


@dataclass(slots=True)
class PendingRow:
    """A row with what could be done before its transaction; *prepared* is None where the row means nothing.

    *spellings* are the stored names that it may mean, where that matters; *password* was made up for it. *updates* has,
    by the id of the user who is changed, what was done in this and in earlier tries of the transaction; *refused*
    what became of the row where such a change was refused and that was announced.
    """

    row: Row
    prepared: PreparedUser | None = None
    spellings: tuple[str, ...] = ()
    password: str | None = None
    updates: dict[int, AttemptState] = field(default_factory=dict)
    refused: tuple[RowOutcome, RecordedFailure] | None = None

    def announce_failed(self, error: BaseException) -> None:
        """Announce that nothing is left of what was done for the row, because of *error*."""
        for effects in self._begun():
            effects.give_up(error)

    def announce_undone(self, outcome: RowOutcome | None) -> None:
        """Announce that nothing is left of what only earlier tries did, now that the last one came to *outcome*."""
        done: AttemptState | None = None
        if outcome is not None and outcome.kind == "created":
            done = self.registration
        elif outcome is not None and outcome.kind == "updated" and outcome.id is not None:
            done = self.updates[outcome.id]
        for effects in self._begun():
            if effects is not done and effects.refusal is None:
                effects.give_up(DatabaseError("It was undone, and there was no more to do when it was tried again."))

    @property
    def hashed(self) -> HashedPassword | None:
        """What there is of the password, where it was hashed here."""
        if self.prepared is None or self.prepared.password_hash is None or self.row.password_hash is not None:
            return None
        return HashedPassword(self.password, self.prepared.password_hash)

    @property
    def registration(self) -> AttemptState | None:
        """What was done to register somebody, where that could be noticed."""
        return None if self.prepared is None else self.prepared.effects

    def _begun(self) -> list[AttemptState]:
        return [*([self.registration] if self.registration else ()), *self.updates.values()]
