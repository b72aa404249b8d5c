"""Queries on the sinks of the relay and their dead letters."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from lback_cli.models import DeadLetter, SinkState
from lback_cli.models.tables import SINKS
from lback_cli.repositories.lease_repository import LeaseRepository

_PAGE = 1000
"""Numbers in one statement."""


class SinkRepository(LeaseRepository):
    """Sinks and dead letters in one session."""

    table = SINKS

    def get(self, name: str) -> SinkState | None:
        """Return the state of the sink as it is in the database now, or None if no relay has served it yet."""
        return self._session.get(SinkState, name, populate_existing=True)

    def list_all(self) -> Sequence[SinkState]:
        """Return all sinks by name."""
        return self._session.scalars(select(SinkState).order_by(SinkState.name)).all()

    def add(self, sink: SinkState) -> bool:
        """Insert *sink*; return False if it is there already."""
        try:
            with self._session.begin_nested():
                self._session.add(sink)
        except IntegrityError:
            return False
        return True

    def set_position(self, name: str, position: int) -> None:
        """Have the sink go on after event *position*, whichever process holds it."""
        statement = (
            update(SinkState)
            .where(SinkState.name == name)
            .values(position=position, tries=0, retry_at=None, chosen=None)
        )
        self._session.execute(statement, execution_options={"synchronize_session": False})

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """Store *letter*, in place of an older one of the same event."""
        self._session.merge(letter)
        self._session.flush()

    def dead_letters(self, sink: str | None = None, sequences: Collection[int] | None = None) -> Sequence[DeadLetter]:
        """Return dead letters in the order of the log, of one sink or all, with these *sequences* or all."""
        statement = select(DeadLetter).order_by(DeadLetter.sink, DeadLetter.seq)
        if sink is not None:
            statement = statement.where(DeadLetter.sink == sink)
        if sequences is not None:
            statement = statement.where(DeadLetter.seq.in_(sequences))
        return self._session.scalars(statement).all()

    def erase_answers(self, sequences: Sequence[int]) -> None:
        """Remove what sinks answered to the events with these numbers, because an answer may repeat the event."""
        for start in range(0, len(sequences), _PAGE):
            chunk = sequences[start : start + _PAGE]
            statement = update(DeadLetter).where(DeadLetter.seq.in_(chunk), DeadLetter.answer.is_not(None))
            self._session.execute(statement.values(answer=None), execution_options={"synchronize_session": False})

    def count_dead_letters(self) -> Mapping[str, int]:
        """Return the number of dead letters of each sink that has any."""
        statement = select(DeadLetter.sink, func.count().label("letters")).group_by(DeadLetter.sink)
        return {row.sink: row.letters for row in self._session.execute(statement)}

    def remove_dead_letter(self, sink: str, seq: int) -> bool:
        """Delete a dead letter; return False if there was none."""
        statement = delete(DeadLetter).where(DeadLetter.sink == sink, DeadLetter.seq == seq)
        result = self._session.execute(statement, execution_options={"synchronize_session": False})
        return cast("CursorResult[Any]", result).rowcount == 1
