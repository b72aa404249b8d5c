"""Queries on the sinks of the relay and their dead letters."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import CursorResult, Table, delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lback_cli.models import DeadLetter, SinkState

SINKS = cast(Table, SinkState.__table__)


class SinkRepository:
    """Sinks and dead letters in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, name: str) -> SinkState | None:
        """The state of that sink, as it is in the database now; None where no relay ever worked for it."""
        return self._session.get(SinkState, name, populate_existing=True)

    def list_all(self) -> Sequence[SinkState]:
        """All sinks, by name."""
        return self._session.scalars(select(SinkState).order_by(SinkState.name)).all()

    def add(self, sink: SinkState) -> bool:
        """Insert *sink*; whether it was not there yet."""
        try:
            with self._session.begin_nested():
                self._session.add(sink)
        except IntegrityError:
            return False
        return True

    def change(self, name: str, values: Mapping[str, Any], **expected: Any) -> bool:
        """Set *values* in one statement, if the sink's columns still are as *expected*; whether they were.

        That is the fence: one who lost the sink meanwhile, or whose position was changed, writes nothing.
        """
        statement = update(SinkState).where(SinkState.name == name).values(**values)
        for column, value in expected.items():
            statement = statement.where(SINKS.c[column] == value)
        result = self._session.execute(statement, execution_options={"synchronize_session": False})
        return cast("CursorResult[Any]", result).rowcount == 1

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """Keep *letter*, in place of one that the same event left before."""
        self._session.merge(letter)
        self._session.flush()

    def dead_letters(self, sink: str | None = None, sequences: Collection[int] | None = None) -> Sequence[DeadLetter]:
        """Dead letters in the order of the log: those of one sink, those of some events, or all."""
        statement = select(DeadLetter).order_by(DeadLetter.sink, DeadLetter.seq)
        if sink is not None:
            statement = statement.where(DeadLetter.sink == sink)
        if sequences is not None:
            statement = statement.where(DeadLetter.seq.in_(sequences))
        return self._session.scalars(statement).all()

    def count_dead_letters(self) -> Mapping[str, int]:
        """How many there are, by sink."""
        statement = select(DeadLetter.sink, func.count().label("letters")).group_by(DeadLetter.sink)
        return {row.sink: row.letters for row in self._session.execute(statement)}

    def remove_dead_letter(self, sink: str, seq: int) -> bool:
        """Forget a dead letter; whether it was there."""
        statement = delete(DeadLetter).where(DeadLetter.sink == sink, DeadLetter.seq == seq)
        result = self._session.execute(statement, execution_options={"synchronize_session": False})
        return cast("CursorResult[Any]", result).rowcount == 1
