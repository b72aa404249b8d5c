"""Administration of sinks: their status, replays, and dead letters."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lback_cli.database.engine import Database
from lback_cli.errors import ConfigurationError, Conflict, DeadLetterNotFound, EventNotFound, SinkFailed, SinkNotFound
from lback_cli.lease import current_owner
from lback_cli.models import DeadLetter, SinkState
from lback_cli.relay.choice import ALL_EVENTS, EventChoice
from lback_cli.relay.sinks import build_sink
from lback_cli.relay.sinks.base import Message, SinkError
from lback_cli.repositories.event_repository import EventQuery
from lback_cli.repositories.unit_of_work import UnitOfWork, reading, transaction
from lback_cli.settings import SinkSettings


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """The status of one sink.

    Attributes:
        name: The sink.
        configured: False if the settings no longer have it.
        position: The number of the last event that is delivered or a dead letter; None if no relay has served the sink.
        lag: Events after *position* that the sink is to get.
        failures: Failures since the last delivery.
        dead_letters: Events that the sink did not take.
        last_error: The reason of the last failure.
        delivered_at: When an event was last delivered.
        worker: The process that holds the sink.
    """

    name: str
    configured: bool
    position: int | None
    lag: int
    failures: int
    dead_letters: int
    last_error: str | None
    delivered_at: datetime | None
    worker: str | None


class SinkAdmin:
    """Administers the sinks of one database, those that are configured and those that were."""

    def __init__(self, database: Database, settings: Mapping[str, SinkSettings], now: Callable[[], datetime]) -> None:
        self._database = database
        self._settings = settings
        self._now = now

    def sinks(self) -> list[SinkStatus]:
        """Return the status of each sink, by name."""
        with reading(self._database) as uow:
            head = _head(uow)
            known = {sink.name: sink for sink in uow.sinks.list_all()}
            dead = uow.sinks.count_dead_letters()
            names = sorted({*self._settings, *known, *dead})
            lags = {name: self._lag(uow, name, known.get(name), head) for name in names}
        return [self._status(name, known.get(name), lags[name], dead.get(name, 0)) for name in names]

    def unusable(self, name: str) -> str | None:
        """Return why the settings of the sink *name* cannot be used; None if they can, or if there are none."""
        if name not in self._settings:
            return None
        try:
            build_sink(name, self._settings[name]).close()
        except ConfigurationError as error:
            return error.message
        return None

    def replay(self, name: str, seq: int) -> int:
        """Make event *seq* the next one that the sink is sent. A running relay continues from there.

        Returns:
            How many events are to be sent.

        Raises:
            SinkNotFound: If there is no such sink.
            EventNotFound: If *seq* is neither in the log nor the next number.
        """
        with transaction(self._database) as uow:
            sink = uow.sinks.get(name)
            if sink is None and name not in self._settings:
                raise self._not_found(name)
            head = _head(uow)
            if not 1 <= seq <= head + 1:
                raise EventNotFound(f"There is no event {seq}.", hint=f"The log ends with event {head}.")
            if sink is None:
                uow.sinks.add(SinkState(name=name, position=seq - 1, failures=0, tries=0))
            else:
                uow.sinks.set_position(name, seq - 1)
        with reading(self._database) as uow:
            return self._count(uow, name, seq - 1, head)

    def dead_letters(self, name: str | None, sequences: Collection[int] | None = None) -> list[DeadLetter]:
        """Return the dead letters of one sink or of all, with these *sequences* or all.

        Raises:
            SinkNotFound: If there is no such sink.
            DeadLetterNotFound: If one of *sequences* is not a dead letter of the sink.
        """
        with reading(self._database) as uow:
            letters = uow.sinks.dead_letters(name, sequences)
            known = name is None or name in self._settings or bool(letters) or uow.sinks.get(name) is not None
        if not known:
            raise self._not_found(str(name))
        missing = sorted({*(sequences or ())} - {letter.seq for letter in letters})
        if missing:
            raise DeadLetterNotFound(
                f"{name} has no dead letter {missing[0]}.", hint=f"'lback events dead-letters list {name}' shows all."
            )
        return [*letters]

    def retry(self, name: str, sequences: Collection[int] | None) -> Iterator[tuple[int, str | None]]:
        """Send dead letters again, each once and now. One that is delivered is deleted.

        Returns:
            The number of each event, and why the sink did not take it, or None if it did.

        Raises:
            ConfigurationError: If the settings of the sink cannot be used.
            SinkNotFound: If there is no such sink.
            DeadLetterNotFound: If one of *sequences* is not a dead letter of the sink.
        """
        if name not in self._settings:
            raise self._not_found(name)
        sink = build_sink(name, self._settings[name])
        letters = self.dead_letters(name, sequences)
        try:
            for letter in letters:
                try:
                    sink.send(self._message(name, letter.seq))
                except SinkError as error:
                    self._note_attempt(letter, error)
                    yield letter.seq, str(error)
                else:
                    with transaction(self._database) as uow:
                        uow.sinks.remove_dead_letter(name, letter.seq)
                    yield letter.seq, None
        finally:
            sink.close()

    def resend(self, name: str, first: int, last: int) -> tuple[int, str | None]:
        """Send the events from *first* to *last* that the sink gets, now and out of order, and leave its position.

        Returns:
            How many it took, and why it did not take the next one, or None if it took all.

        Raises:
            ConfigurationError: If the settings of the sink cannot be used.
            SinkNotFound: If there is no such sink.
            EventNotFound: If one of the numbers is not in the log, or they are the wrong way round.
        """
        if name not in self._settings:
            raise self._not_found(name)
        settings = self._settings[name]
        choice = EventChoice.of(name, settings)
        with reading(self._database) as uow:
            head = _head(uow)
            number = None if choice == ALL_EVENTS else choice.count(uow.events, before=first)
        if not 1 <= first <= last <= head:
            raise EventNotFound(f"There are no events from {first} to {last}.", hint=f"The log ends with event {head}.")
        sink = build_sink(name, settings)
        sent, position = 0, first - 1
        try:
            while True:
                with reading(self._database) as uow:
                    row = next(uow.events.select(choice.query(after=position, before=last + 1, limit=1)), None)
                if row is None:
                    return sent, None
                number = None if number is None else number + 1
                try:
                    sink.send(Message.of(row, settings, number=number))
                except SinkError as error:
                    return sent, f"event {row['seq']}: {error}"
                sent, position = sent + 1, row["seq"]
        finally:
            sink.close()

    def send_test(self, name: str) -> str:
        """Send the sink an event that is not in the log, and return its id.

        Raises:
            ConfigurationError: If the settings of the sink cannot be used.
            SinkNotFound: If there is no such sink.
            SinkFailed: If the sink does not take it.
        """
        if name not in self._settings:
            raise self._not_found(name)
        sink = build_sink(name, self._settings[name])
        message = Message.for_test(self._settings[name], self._now())
        try:
            sink.send(message)
        except SinkError as error:
            answer = None if error.answer is None else f"It answers: {error.answer}"
            raise SinkFailed(f"{name} did not take a test event: {error}.", hint=answer) from error
        finally:
            sink.close()
        return message.id

    def forget(self, name: str) -> int:
        """Delete the position and the dead letters of a sink, and return how many letters there were.

        Raises:
            SinkNotFound: If no relay has served such a sink.
            Conflict: If a relay serves the sink at present.
        """
        with transaction(self._database) as uow:
            sink = uow.sinks.get(name)
            letters = uow.sinks.dead_letters(name)
            if sink is None and not letters:
                raise self._not_found(name)
            owner = None if sink is None else current_owner(sink, self._now())
            if owner is not None or (sink is not None and not uow.sinks.delete(name, owner=sink.owner)):
                holder = "another relay" if owner is None else owner.name
                raise Conflict(f"{holder} serves {name} at present.", hint="Stop it first.")
            return sum(uow.sinks.remove_dead_letter(name, letter.seq) for letter in letters)

    def drop(self, name: str, sequences: Collection[int] | None) -> int:
        """Delete dead letters, and return how many.

        Raises:
            SinkNotFound: If there is no such sink.
            DeadLetterNotFound: If one of *sequences* is not a dead letter of the sink.
        """
        letters = self.dead_letters(name, sequences)
        with transaction(self._database) as uow:
            return sum(uow.sinks.remove_dead_letter(name, letter.seq) for letter in letters)

    def _message(self, name: str, seq: int) -> Message:
        """Return event *seq* as the sink gets it."""
        settings = self._settings[name]
        choice = EventChoice.of(name, settings)
        with reading(self._database) as uow:
            row = next(uow.events.select(EventQuery(after=seq - 1, before=seq + 1, limit=1)))
            number = None if choice == ALL_EVENTS else choice.count(uow.events, before=seq + 1)
        return Message.of(row, settings, number=number)

    def _note_attempt(self, letter: DeadLetter, error: SinkError) -> None:
        """Store another failed attempt, unless the dead letter has been deleted."""
        with transaction(self._database) as uow:
            if uow.sinks.remove_dead_letter(letter.sink, letter.seq):
                again = DeadLetter(sink=letter.sink, seq=letter.seq, tries=letter.tries + 1, error=str(error))
                again.answer = error.answer
                again.given_up_at = self._now()
                uow.sinks.add_dead_letter(again)

    def _lag(self, uow: UnitOfWork, name: str, sink: SinkState | None, head: int) -> int:
        """Return how many events the sink is still to get."""
        settings = self._settings.get(name)
        if sink is None and (settings is None or settings.start == "next"):
            return 0
        return self._count(uow, name, 0 if sink is None else sink.position, head)

    def _count(self, uow: UnitOfWork, name: str, position: int, head: int) -> int:
        """Return how many events after *position* the sink gets."""
        settings = self._settings.get(name)
        choice = ALL_EVENTS if settings is None else EventChoice.of(name, settings)
        return max(0, head - position) if choice == ALL_EVENTS else choice.count(uow.events, after=position)

    def _status(self, name: str, sink: SinkState | None, lag: int, dead: int) -> SinkStatus:
        configured = name in self._settings
        if sink is None:
            return SinkStatus(name, configured, None, lag, 0, dead, None, None, None)
        owner = current_owner(sink, self._now())
        return SinkStatus(
            name,
            configured,
            sink.position,
            lag,
            sink.failures,
            dead,
            sink.last_error,
            sink.delivered_at,
            None if owner is None else owner.name,
        )

    def _not_found(self, name: str) -> SinkNotFound:
        known = ", ".join(self._settings) or "none"
        return SinkNotFound(f"There is no sink {name!r}.", hint=f"Configured sinks: {known}.")


def _head(uow: UnitOfWork) -> int:
    head = uow.events.head()
    return 0 if head is None else head.seq
